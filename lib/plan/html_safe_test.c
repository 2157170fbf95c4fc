/* HTML that is kept: what goes, what stays, what is closed, and that no input
 * is slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <drover/base/arena.h>

#include "html.h"

#define BIG ((size_t)8 << 20)

/* What was made safe is left as it is. */
static unsigned safe(const char *in, const char *want)
{
    struct dr_buf out, again;
    unsigned found;

    dr_buf_init(&out, BIG);
    dr_buf_init(&again, BIG);
    found = html_safe(dr_str_z(in), &out);
    if (!dr_str_eqz(dr_buf_view(&out), want)) {
        fail_msg("\"%s\" became \"" DR_STR_FMT "\"", in,
                 DR_STR_ARG(dr_buf_view(&out)));
    }
    assert_false(html_safe(dr_buf_view(&out), &again) & HTML_UNSAFE);
    assert_string_equal(again.p ? again.p : "", out.p ? out.p : "");
    dr_buf_done(&out);
    dr_buf_done(&again);
    return found;
}

static void goes(const char *in, const char *want)
{
    assert_int_equal(safe(in, want) & HTML_UNSAFE, HTML_UNSAFE);
}

static void test_stays(void **state)
{
    static const char *const same[] = {
        "<p>Call <b>him</b> &amp; her</p>",
        "<DIV class=\"a\" style='color:red'>x<br>y<hr/>z</DIV>",
        "<a href='https://x.example/?a=1&amp;b=2' target=_blank>x</a>",
        "<a href=mailto:a@b.c>x</a><a href='tel:+1'>y</a><img src=cid:f_1>",
        "<a href='/a:b'>x</a><a href='#c:d'>y</a><a href=page.html>z</a>",
        "<ul><li>a<li>b</ul><table><tr><td>a<td>b<tr><td>c</table>",
        "<p title='1 > 0 \"x\"'>a</p><b><i>x</b></i>",
        "<span style=\"font-family:&quot;Arial&quot;\">a</span>",
        "<o:p>a</o:p><figure>b</figure>",
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(same); i++) {
        assert_int_equal(safe(same[i], same[i]), HTML_TAGS);
    }
    assert_int_equal(safe("a < b, x <- y, R&D\n", "a < b, x <- y, R&D\n"), 0);
    assert_int_equal(safe("<p>a<p>b", "<p>a<p>b</p>"), HTML_TAGS);
}

static void test_elements(void **state)
{
    (void)state;
    goes("a<script>x()</script>b", "ab");
    goes("a<SCRIPT src=//x.example>if (a<b) y('</p>')</script\n>b", "ab");
    goes("<style>p{}</style ><p>a</p>", "<p>a</p>");
    goes("<iframe src='https://x.example'>a</iframe>b", "ab");
    goes("<object data=x>a</object><embed src=x><form action=x>b</form>", "ab");
    goes("<link rel=stylesheet href=x><meta http-equiv=refresh><base href=x>a",
         "a");
    goes("<svg/onload=x()>a</svg>", "a");
    goes("<textarea><b title=\"</textarea><img src=x onerror=y()>\">a",
         "<b title=\"</textarea><img src=x onerror=y()>\">a</b>");
    goes("a<!-- b --><!--[if IE]><![endif]-->c", "ac");
    goes("a<?x y=\"1>2\"?>b", "a2\"?>b");
    /* A script that never ends takes nothing with it. */
    goes("<p>a<script>b</p><script>c", "<p>ab</p>c");
    /* What falls away makes no tag of what stood around it. */
    goes("<scr<script></script>ipt>x()", "&lt;script>x()");
    goes("<<script></script>img src=x onerror=y()>",
         "&lt;img src=x onerror=y()>");
}

static void test_attributes(void **state)
{
    (void)state;
    goes("<p onclick=\"x('>')\" class=a>b</p>", "<p class=a>b</p>");
    goes("<img src=x.png/onerror=y() OnLoad='z()'>",
         "<img src=x.png/onerror=y()>");
    goes("<img/onerror='y()'/src='x.png'/>", "<img src='x.png'>");
    goes("<p style='background:URL(x)'>a</p><p style='a:u\\72l(x)'>b</p>",
         "<p>a</p><p>b</p>");
    goes("<a href='javascript:x()'>a</a>", "<a>a</a>");
    goes("<a href=' \x01java\tscript&#58;x()'>a</a>", "<a>a</a>");
    goes("<a href='javascript&colon;x()'>a</a>", "<a>a</a>");
    goes("<a href = data:text/html,x>a</a>", "<a>a</a>");
    goes("<img src='file:///x' alt=a>", "<img alt=a>");
    goes("<td background='vbscript:x' width=1>a</td>", "<td width=1>a</td>");
    /* No value for the name before it. */
    goes("<a href/=javascript:x() onclick>a</a>", "<a href>a</a>");
    goes("<a \"href=x>a</a>", "<a>a</a>");
}

static void test_long_address(void **state)
{
    char in[600];

    (void)state;
    memset(in, ' ', sizeof(in));
    memcpy(in, "<a href='", 9);
    memcpy(in + 400, "javascript:x()'>a</a>", 22);
    goes(in, "<a>a</a>");
}

static void test_open(void **state)
{
    (void)state;
    goes("<div><b>a", "<div><b>a</b></div>");
    goes("<table><tr><td>a", "<table><tr><td>a</td></tr></table>");
    goes("a</div>b", "ab");
    goes("<b><i>a</b>", "<b><i>a</b></i>");
    /* A quote that never closes does not swallow the rest. */
    goes("<p>a</p><a href=\"http://x.example>b</a><p>c</p>",
         "<p>a</p><a>b</a><p>c</p>");
    assert_int_equal(safe("a <b c", "a &lt;b c"), HTML_ENTITIES);
    assert_int_equal(
        safe("<bob@x.example onclick=y()>", "&lt;bob@x.example onclick=y()>"),
        HTML_ENTITIES);
    assert_int_equal(safe("1 </ 2 <", "1 &lt;/ 2 &lt;"), HTML_ENTITIES);
}

static void test_escape(void **state)
{
    struct dr_buf out;

    (void)state;
    dr_buf_init(&out, BIG);
    html_escape(DR_STR_LIT("A: <b> & \"c\"\nD"), &out);
    assert_string_equal(out.p, "A: &lt;b&gt; &amp; \"c\"<br>D");
    dr_buf_done(&out);
}

/* Of the processor: what grows with the square of a megabyte takes minutes. */
#define CPU_LIMIT_S 10

/* Each of these, a megabyte of it. */
static void test_linear(void **state)
{
    static const char *const hostile[] = {
        "<",           "<a",        "<a ",          "<a b=\"",
        "<!--",        "<script>",  "<a href='x'>", "&#",
        "<a b=\">\" ", "<p title=", "</script",     "<img src=\"",
        "<li>",        "</b>",      "<i></b>",      "<script></style>",
        "<?x ",        "<a b='x' ", "<p><!-- ",     "<style><a b=\">\" ",
        "<td><tr>",    "<!",        "<p style='",   "<div onclick=x>"};
    char *text = dr_xmalloc(BIG);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(hostile); i++) {
        size_t n = strlen(hostile[i]), at = 0;
        clock_t from;
        struct dr_buf out;
        while (at + n < BIG / 8) {
            memcpy(text + at, hostile[i], n);
            at += n;
        }
        dr_buf_init(&out, at * 4 + HTML_CLOSING_MAX);
        from = clock();
        (void)html_safe((struct dr_str){text, at}, &out);
        assert_false(out.over);
        if (clock() - from > CPU_LIMIT_S * CLOCKS_PER_SEC) {
            fail_msg("\"%s\" takes too long", hostile[i]);
        }
        dr_buf_done(&out);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stays),      cmocka_unit_test(test_elements),
        cmocka_unit_test(test_attributes), cmocka_unit_test(test_long_address),
        cmocka_unit_test(test_open),       cmocka_unit_test(test_escape),
        cmocka_unit_test(test_linear)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
