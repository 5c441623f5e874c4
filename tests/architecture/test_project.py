"""What hangs together by names alone: settings and their example, kinds and steps, routes, templates."""

import ast
import inspect
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.staticfiles import finders
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.template.loader import get_template
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from webapp.jobs.kinds import KINDS
from workers.child import find_step
from workers.tasks.calls import _BUILDERS

ROOT = Path(__file__).resolve().parents[2]
STEPS = sorted({stage.step for kind in KINDS.values() for stage in kind.stages})
TEMPLATES = sorted(str(path.relative_to(ROOT / "templates")) for path in ROOT.glob("templates/**/*.html"))
SAMPLES = {"UUIDConverter": uuid.UUID(int=7), "IntConverter": 7, "StringConverter": "x", "SlugConverter": "x"}
FOREIGN = re.compile(r"""(?:https?:)?//[\w.-]+\.\w+|https?://[^\s"'`]*""")
NAMESPACES = ("http://www.w3.org",)


def read_by_settings() -> set[str]:
    """Return the names that webapp/settings.py asks the environment for."""
    nodes = ast.walk(ast.parse((ROOT / "webapp/settings.py").read_text()))
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return {node.args[0].value for node in calls if node.func.id.startswith("env_")}


def read_by_make() -> set[str]:
    """Return the variables that the Makefile uses and does not fix itself."""
    text = (ROOT / "Makefile").read_text()
    fixed = set(re.findall(r"^([A-Z_]+) *:=", text, re.MULTILINE)) | {"CURDIR"}
    return set(re.findall(r"\$\(([A-Z_]+)\)", text)) - fixed


def named_in(path: str, pattern: str) -> set[str]:
    """Return what the groups of `pattern` find in the file."""
    return set(re.findall(pattern, (ROOT / path).read_text(), re.MULTILINE))


def test_the_example_names_every_setting_and_no_other():
    assert named_in(".env.example", r"^#?([A-Z_]+)=") == read_by_settings() | read_by_make()


def test_the_composition_sets_nothing_that_is_not_read():
    given = named_in("docker/compose.yaml", r"\b([A-Z][A-Z_]+): ")
    read = read_by_settings() | {f"{name}_FILE" for name in read_by_settings()}
    read_by_others = {"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD_FILE", "OMP_NUM_THREADS", "QUEUE"}
    assert {"SECRET_KEY_FILE", "DATABASE_URL_FILE", "REDIS_URL"} <= given
    assert given - read == read_by_others


@pytest.mark.parametrize("step", STEPS)
def test_every_step_of_a_kind_is_a_function_of_keywords(step):
    parameters = inspect.signature(find_step(step)).parameters
    positional = [p.name for p in parameters.values() if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    assert positional == []
    assert {"out", "on_progress"} <= set(parameters)


@pytest.mark.parametrize("step", STEPS)
def test_the_contract_names_every_argument_of_a_step(step):
    rows = [row for row in (ROOT / "docs/architecture.md").read_text().splitlines() if f"| `{step}` |" in row]
    assert len(rows) == 1
    named = set(re.findall(r"[a-z_]+", rows[0].replace("\\|", "").split("|")[2]))
    assert set(inspect.signature(find_step(step)).parameters) - {"out", "on_progress"} <= named


def test_every_step_has_a_builder_of_its_arguments():
    assert sorted(_BUILDERS) == STEPS


def routes(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every route with the namespace that it is in."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from routes(entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace)
        else:
            yield namespace, entry


def test_every_route_leads_to_its_own_view():
    found = list(routes(get_resolver()))
    assert len(found) > 20
    for namespace, route in found:
        assert route.name, f"{route.pattern} has no name"
        values = {
            name: SAMPLES[type(converter).__name__] for name, converter in route.pattern.converters.items()
        }
        path = reverse(namespace + route.name, kwargs=values)
        assert resolve(path).func is route.callback, f"{path} is taken by another route"


def test_no_migration_is_missing():
    loader = MigrationLoader(None)
    assert loader.detect_conflicts() == {}
    changes = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps)).changes(
        loader.graph
    )
    assert changes == {}


def without_comments(path: Path) -> str:
    """Return the text of a file of the browser without its comments."""
    text = path.read_text()
    if path.suffix in (".html", ".svg"):
        text = re.sub(r"<!--.*?-->|\{#.*?#\}|\{% comment.*?endcomment %\}", "", text, flags=re.DOTALL)
    else:
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        text = re.sub(r"(^|\s)//\s.*", "", text)
    return text


def test_no_file_of_the_browser_names_another_origin():
    files = [path for folder in ("static", "templates") for path in (ROOT / folder).rglob("*")]
    files = [path for path in files if path.suffix in (".css", ".js", ".mjs", ".html", ".svg", ".json")]
    assert len(files) > 50
    foreign = [
        f"{path.relative_to(ROOT)}: {found}"
        for path in files
        for found in FOREIGN.findall(without_comments(path))
        if not found.startswith(NAMESPACES)
    ]
    assert foreign == []


def test_another_origin_would_be_noticed(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<!-- https://a.example/ --><script src="//cdn.example.org/x.js"></script>')
    assert FOREIGN.findall(without_comments(page)) == ["//cdn.example.org"]
    module = tmp_path / "module.mjs"
    module.write_text('// see https://a.example/\nfetch("https://b.example/x")\n')
    assert FOREIGN.findall(without_comments(module)) == ["https://b.example"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_loads_with_all_that_it_names(name):
    get_template(name)
    text = (ROOT / "templates" / name).read_text()
    for part in re.findall(r"""\{% (?:include|extends) ["']([^"']+)["']""", text):
        get_template(part)
    missing = [
        path for path in re.findall(r"""\{% static ["']([^"']+)["']""", text) if not finders.find(path)
    ]
    assert missing == []


def test_every_template_that_python_names_is_there():
    named = set()
    for path in ROOT.glob("webapp/**/*.py"):
        named |= set(re.findall(r'"([a-z_]+/[a-z_/]+\.html)"', path.read_text()))
    assert named
    assert named <= set(TEMPLATES)
