/* HTML reduced to text: what stays, what goes, and that no input is slow. */
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

#define BIG ((size_t)4 << 20)

static unsigned reduce(const char *in, const struct dr_map *names,
                       const char *want)
{
    struct dr_buf out;
    unsigned found;

    dr_buf_init(&out, BIG);
    found = html_to_text(dr_str_z(in), names, &out);
    if (!dr_str_eqz(dr_buf_view(&out), want)) {
        fail_msg("\"%s\" became \"" DR_STR_FMT "\"", in,
                 DR_STR_ARG(dr_buf_view(&out)));
    }
    dr_buf_done(&out);
    return found;
}

/* What is text already is not touched. */
static void test_text(void **state)
{
    static const char *const same[] = {
        "",
        "Hello\n\n  there\t!\n",
        "price < 100 & > 50, contact <bob@example.com>",
        "<http://www.virtualcities.com/ons/me>, <a@b.c>, <abbey>",
        "# Visit\n\n* met **Bob**\n| a | b |\n|---|---|\n",
        "a <- b, x<y, 1 </ 2, <>, <!, <?, R&D; &; &#; &#x; &#12",
        "<b without an end",
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xf0\x9f\x98\x80",
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(same); i++) {
        assert_int_equal(reduce(same[i], NULL, same[i]), 0);
    }
}

static void test_entities(void **state)
{
    (void)state;
    assert_int_equal(reduce("Fish &amp; Chips &copy; 2020\n&euro;5 &#8364;5 "
                            "&#x20AC;5 &#146;s",
                            NULL,
                            "Fish & Chips \xc2\xa9 2020\n\xe2\x82\xac"
                            "5 \xe2\x82\xac"
                            "5 \xe2\x82\xac"
                            "5 \xe2\x80\x99s"),
                     HTML_ENTITIES);
    /* Decoded once: what was encoded twice stays encoded once. */
    (void)reduce("<p>Fran&amp;ccedil;ois &amp;lt;b&amp;gt;</p>", NULL,
                 "Fran&ccedil;ois &lt;b&gt;");
    /* No NUL, no control, no surrogate, nothing beyond Unicode. */
    (void)reduce("&#0;&#7;&#xD800;&#x110000;&#99999999999;", NULL,
                 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                 "&#99999999999;");
    (void)reduce("&#x1F600;&yuml;&frac12;", NULL,
                 "\xf0\x9f\x98\x80\xc3\xbf\xc2\xbd");
}

/* As browsers read them: mails of the world are full of these. */
static void without_a_semicolon_between_tags(void **state)
{
    (void)state;
    (void)reduce("<b>Liz&reg is &#169 2002, &#x41BC, En&#116er&lt&AMP</b>",
                 NULL,
                 "Liz\xc2\xae is \xc2\xa9 2002, \xe4\x86\xbc, Enter<&AMP");
    (void)reduce("<b>&notit; &notin; R&D; AT&T &bogus; &euro 5 &# &#x;</b>",
                 NULL,
                 "\xc2\xacit; \xe2\x88\x89 R&D; AT&T &bogus; &euro 5 &# &#x;");
    (void)reduce("<a href=\"https://a.example/?a=1&copy=2\">x</a>", NULL,
                 "x <https://a.example/?a=1&copy=2>");
    (void)reduce("no tags: ?a=1&copy=2 &reg &#116", NULL,
                 "no tags: ?a=1&copy=2 &reg &#116");
}

static void every_name_of_html_4(void **state)
{
    (void)state;
    (void)reduce("&equiv;OTC&equiv; &alpha;&thetasym; &hearts; &lang;", NULL,
                 "\xe2\x89\xa1OTC\xe2\x89\xa1 \xce\xb1\xcf\x91 "
                 "\xe2\x99\xa5 \xe2\x8c\xa9");
}

static void test_blocks(void **state)
{
    (void)state;
    assert_int_equal(reduce("<p>One\n two</p>\n<p>Three<br>four<br/><br />five"
                            "</p>",
                            NULL, "One two\n\nThree\nfour\n\nfive"),
                     HTML_TAGS);
    (void)reduce("<ul><li>one<li><p>two</p></ul>end", NULL,
                 "- one\n- two\n\nend");
    (void)reduce("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr>"
                 "</table>",
                 NULL, "a b\nc");
    (void)reduce("<div>x <b>bold</b><i>er</i>  y</div><hr>z", NULL,
                 "x bolder y\n---\nz");
    (void)reduce("<html><body><pre>\n a\n  b &lt;\r\n</pre>c  d</body></html>",
                 NULL, " a\n  b <\n\nc d");
    /* Where no tag makes lines, the lines are those of the text. */
    (void)reduce("Hi <b>Bob</b>,\n\nsee you\n", NULL, "Hi Bob,\n\nsee you");
    (void)reduce("a<o:p></o:p><BR>b<FONT\nsize=2>c</FONT\n>", NULL, "a\nbc");
}

static void test_goes(void **state)
{
    (void)state;
    (void)reduce("<html><head><title>T</title><style>p{color:red}</style>"
                 "<script>if (a<b) alert('</p>')</script></head>"
                 "<body onload=\"steal('>')\"><p>Hello<b>bold<i>both</b>",
                 NULL,
                 "Hellobold"
                 "both");
    (void)reduce(
        "<!DOCTYPE html><?xml version='1'?><p>a<!-- <b> --><![endif]>b", NULL,
        "ab");
    (void)reduce("<p>a<!-- open<p>b", NULL, "ab");
    (void)reduce("<p>a<?x y=\"1>2\"?>b", NULL, "a2\"?>b");
    /* A script that never ends takes nothing with it. */
    (void)reduce("<p>a<script>b<p>c<style>d</style>", NULL, "ab\n\nc");
    (void)reduce("<p title='it\"s'>a</p><p title=\"x>y\">b</p>", NULL,
                 "a\n\nb");
    /* A quote that never closes does not swallow the rest. */
    (void)reduce("<p>a</p><a href=\"http://x.example>b</a><p>c</p>", NULL,
                 "a\n\nb <http://x.example>\n\nc");
}

static void test_links(void **state)
{
    (void)state;
    (void)reduce("<p>Click <a href='http://x.example/?a=1&amp;b=2'>HERE</a>.",
                 NULL, "Click HERE <http://x.example/?a=1&b=2>.");
    (void)reduce("<br><a href=mailto:bob@x.example>bob@x.example</a>", NULL,
                 "bob@x.example");
    (void)reduce("<br><a href=\"https://x.example\">https://x.example</a>",
                 NULL, "https://x.example");
    (void)reduce("<br><a href=\"javascript:steal()\">go</a> <a>on</a>", NULL,
                 "go on");
    (void)reduce("<a href=http://a.example>one<a href=http://b.example>two",
                 NULL, "one <http://a.example>two <http://b.example>");
}

static void test_images(void **state)
{
    struct dr_map *names = dr_map_new(NULL);
    struct dr_str logo = DR_STR_LIT("logo.gif");
    struct dr_buf out;

    (void)state;
    dr_map_put(names, DR_STR_LIT("f_1"), &logo);
    assert_int_equal(reduce("<p>See <img src=\"cid:part1@mail.example\"> and "
                            "<img alt='A &amp; B' src=x.png>, <img "
                            "src='data:image/png;base64,AAAA'></p>",
                            names,
                            "See [image: cid:part1@mail.example] and [image: "
                            "A & B], [image]"),
                     HTML_TAGS | HTML_IMAGES);
    (void)reduce("<p><img src='https://crm.example/attachments/f_1?t=2'><img "
                 "src=cid:f_1><img src=f_1></p>",
                 names, "[image: logo.gif][image: logo.gif][image: logo.gif]");
    dr_buf_init(&out, BIG);
    assert_int_equal(
        html_relink(DR_STR_LIT("<p>a<img src='cid:f_1'> <img src='http://x/y'>"
                               "&amp;<b>"),
                    names, &out),
        HTML_IMAGES);
    assert_string_equal(dr_buf_view(&out).p,
                        "<p>a[image: logo.gif] <img src='http://x/y'>&amp;<b>");
    dr_buf_reset(&out);
    assert_int_equal(
        html_relink(DR_STR_LIT("<p>a<img src='http://x/y'>"), names, &out), 0);
    assert_int_equal(out.n, 0); /* nothing to do, nothing copied */
    dr_buf_done(&out);
    dr_map_free(names);
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
        "<li>",        "<pre>",     "&amp",         "<script></style>",
        "<?x ",        "<a b='x' ", "<p><!-- ",     "<style><a b=\">\" "};
    char *text = dr_xmalloc(BIG);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(hostile); i++) {
        size_t n = strlen(hostile[i]), at = 0;
        clock_t from;
        struct dr_buf out;
        while (at + n < BIG / 4) {
            memcpy(text + at, hostile[i], n);
            at += n;
        }
        dr_buf_init(&out, BIG);
        from = clock();
        (void)html_to_text((struct dr_str){text, at}, NULL, &out);
        assert_false(out.over);
        assert_true(dr_utf8_valid(dr_buf_view(&out)));
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
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_entities),
        cmocka_unit_test(without_a_semicolon_between_tags),
        cmocka_unit_test(every_name_of_html_4),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_goes),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_linear)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
