"""A process that has confined itself opens what it named, and the kernel refuses the rest."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import pytest

from workers.science.io import sandbox

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def folders(tmp_path):
    for name in ("in", "out", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "in" / "frames").write_text("frames")
    (tmp_path / "elsewhere" / "secret").write_text("secret")
    return tmp_path


def _run(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run `code` in a process of its own, in which `folder` and `sandbox` are known."""
    head = f"import json, os\nfrom workers.science.io import sandbox\nfolder = {str(folder)!r}\n"
    return subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(code)],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "OPENBLAS_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
    )


def _outcomes(folder: Path, **actions: str) -> dict[str, str]:
    """Confine a process to reading ``in`` and writing ``out``; say what each action of it came to."""
    lines = [
        "version = sandbox.confine([folder + '/in', folder + '/absent'], [folder + '/out'])",
        "outcomes = {'version': version}",
    ]
    for name, action in actions.items():
        lines += [
            "try:",
            f"    outcomes[{name!r}] = str({action})",
            "except OSError as error:",
            f"    outcomes[{name!r}] = type(error).__name__",
        ]
    result = _run("\n".join([*lines, "print(json.dumps(outcomes))"]), folder)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_what_was_named_stays_usable_and_the_rest_is_refused_by_the_kernel(folders):
    (folders / "in" / "out_of_here").symlink_to(folders / "elsewhere" / "secret")
    allowed = {
        "read": "open(folder + '/in/frames').read()",
        "write": "open(folder + '/out/a', 'w').write('12345')",
        "read back": "open(folder + '/out/a').read()",
        "rename": "os.rename(folder + '/out/a', folder + '/out/b')",
        "import": "__import__('wave').__name__",
        "discard": "open('/dev/null', 'w').write('1')",
        "random": "len(open('/dev/urandom', 'rb').read(3))",
    }
    refused = {
        "other folder": "open(folder + '/elsewhere/secret').read()",
        "by a link": "open(folder + '/in/out_of_here').read()",
        "by dots": "open(folder + '/in/../elsewhere/secret').read()",
        "by proc": "open(f'/proc/self/root{folder}/elsewhere/secret').read()",
        "listing": "os.listdir('/')",
        "users": "open('/etc/passwd').read()",
        "other process": "open(f'/proc/{os.getppid()}/environ').read()",
        "make": "open(folder + '/in/new', 'w')",
        "change": "open(folder + '/in/frames', 'r+')",
        "cut": "os.truncate(folder + '/in/frames', 0)",
        "remove": "os.remove(folder + '/in/frames')",
        "run": "os.execv('/bin/sh', ['sh', '-c', 'echo'])",
    }
    outcomes = _outcomes(folders, **allowed, **refused)
    expected = ["frames", "5", "12345", "None", "wave", "1", "3"]
    assert [outcomes[name] for name in allowed] == expected
    if outcomes["version"]:
        assert {name: outcomes[name] for name in refused} == dict.fromkeys(refused, "PermissionError")


def test_no_connection_is_made_and_no_port_opened(folders):
    outcomes = _outcomes(
        folders,
        connect="__import__('socket').create_connection(('127.0.0.1', 9))",
        listen="__import__('socket').create_server(('127.0.0.1', 0))",
    )
    if outcomes["version"] >= 4:
        assert (outcomes["connect"], outcomes["listen"]) == ("PermissionError", "PermissionError")


def test_a_confined_process_cannot_set_itself_or_its_children_free(folders):
    outcomes = _outcomes(
        folders,
        again="sandbox.confine(['/'], ['/'])",
        afterwards="open(folder + '/elsewhere/secret').read()",
        child="os.popen('cat ' + folder + '/elsewhere/secret').read()",
    )
    if outcomes["version"]:
        assert outcomes["again"] == str(outcomes["version"])
        assert outcomes["afterwards"] == outcomes["child"] == "PermissionError"


def test_kernel_without_landlock_is_told_and_nothing_is_confined(folders, monkeypatch):
    monkeypatch.setattr(sandbox, "_call", lambda *_: -1)
    assert sandbox.confine([str(folders / "in")]) == 0
    assert (folders / "elsewhere" / "secret").read_text() == "secret"


@pytest.mark.parametrize("version", range(1, sandbox.landlock_version() + 1))
def test_rules_of_every_version_of_the_interface_are_accepted(folders, version):
    code = f"""
        sandbox.landlock_version = lambda: {version}
        print(sandbox.confine([folder + '/in'], [folder + '/out']))
        print(open(folder + '/in/frames').read())
        try:
            open(folder + '/elsewhere/secret')
        except PermissionError:
            print('refused')
    """
    assert _run(code, folders).stdout.split() == [str(version), "frames", "refused"]


def test_external_raw_storage_is_refused_by_the_kernel_where_no_audit_looks(folders):
    with h5py.File(folders / "in" / "evil.h5", "w") as file:
        file.create_dataset("data", (6,), "u1", external=[(str(folders / "elsewhere" / "secret"), 0, 6)])
        file["link"] = h5py.ExternalLink(str(folders / "elsewhere" / "other.h5"), "/data")
    with h5py.File(folders / "elsewhere" / "other.h5", "w") as file:
        file["data"] = list(b"secret")
    code = """
        import h5py
        if {confine}:
            sandbox.confine([folder + '/in'])
        with h5py.File(folder + '/in/evil.h5') as file:
            for name in ('data', 'link'):
                try:
                    print(bytes(file[name][:].astype('u1')).decode())
                except (OSError, KeyError) as error:
                    print('refused')
    """
    assert _run(code.format(confine=False), folders).stdout.split() == ["secret", "secret"]
    if sandbox.landlock_version():
        assert _run(code.format(confine=True), folders).stdout.split() == ["refused", "refused"]


def test_too_large_an_allocation_is_a_memory_error_and_not_a_death(folders):
    code = """
        import numpy as np
        sandbox.limit_memory(300 * 2**20)
        a = np.ones(100 * 2**20, 'u1')
        try:
            np.ones(300 * 2**20, 'u1')
        except MemoryError:
            print('refused')
    """
    assert _run(code, folders).stdout.strip() == "refused"


def test_a_loop_that_does_not_end_is_ended(folders):
    result = _run("sandbox.limit_cpu(1)\nwhile True: pass", folders)
    assert result.returncode == -signal.SIGXCPU


def test_limits_are_only_ever_lowered(folders):
    code = """
        import resource
        sandbox.limit_files(100, 1000)
        sandbox.limit_files(200, 2000)
        print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], resource.getrlimit(resource.RLIMIT_CORE)[0])
        try:
            with open(folder + '/out/large', 'wb') as file:
                file.write(bytes(5000))
        except OSError as error:
            print(os.path.getsize(folder + '/out/large'))
    """
    assert _run(code, folders).stdout.split() == ["100", "0", "1000"]
