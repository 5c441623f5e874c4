"""The `?` that explains a control in place."""

import re

from django.template import Context, Template


def drawn(tags: str) -> str:
    return Template("{% load tips %}" + tags).render(Context())


def test_a_tip_is_a_button_that_says_what_it_explains_and_the_explanation() -> None:
    html = drawn('{% tip "Same seed, same network." "About the seed" %}')
    assert html.startswith('<button type="button" class="tip"')
    assert 'aria-label="About the seed"' in html
    assert 'aria-description="Same seed, same network."' in html


def test_the_explanation_is_text_and_never_markup() -> None:
    html = drawn("""{% tip '"><script>x</script>' "About" %}""")
    assert "<script>" not in html
    assert html.count('"') % 2 == 0


def test_a_tip_keeps_its_id_and_two_tips_have_two() -> None:
    one, again, other = '{% tip "a" "b" %}', '{% tip "a" "b" %}', '{% tip "a" "b" "second" %}'
    ids = re.findall(r'id="([^"]+)"', drawn(one + again + other))
    assert ids[0] == ids[1] != ids[2]
