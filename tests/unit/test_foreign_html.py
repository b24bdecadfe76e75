"""Great Expectations' pages are shown without what they load or link to in vain."""

from reporting.pages.foreign_html import made_local

PAGE = """<!DOCTYPE html>
<html>
  <head>
    <title>a &amp; b</title><meta charset="UTF-8"/>
    <link rel="stylesheet" href="https://example.org/x"><link rel="icon" href="f.ico"/>
    <style>a > b { }</style><script>if (a < b) { "</div>" }</script>
  </head>
<body><div class="row"><div class="card mb-3"><div><p>Show All</p></div></div><div class="card">
<p>1 &lt; 2 &#39;x&#39; <b title="a > b">B</b> <a href="../expectations/x.html" >suite</a>
<a href="#top">up</a> <img src="https://example.org/logo"/></p></div></div>
<footer><p>Stay <a href="https://example.org">current</a></p></footer></body></html>
"""


KEPT = """<!DOCTYPE html> <html> <head> <title>a &amp; b</title><meta charset="UTF-8"/>
<style>own</style></head> <body><div class="row"><div class="card">
<p>1 &lt; 2 &#39;x&#39; <b title="a > b">B</b> suite <a href="#top">up</a> </p></div></div>
</body></html>"""


def test_remote_parts_and_controls_go_and_all_else_stays() -> None:
    assert made_local(PAGE, "<style>own</style>").split() == KEPT.split()


def test_what_is_dropped_ends_with_its_own_end_and_not_with_one_within_it() -> None:
    nested = '<div class="card mb-3"><div><div>in</div></div>in</div>after'
    assert made_local(nested, "") == "after"
