/* URLs of ssh: what reaches the command line of ssh(1), and the shell at the far end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gitsync/ssh_url.c"
#include "zone/base/attr.h"

static void test_good(void **state)
{
    static const struct {
        const char *url, *user, *host, *port, *command;
    } cases[] = {
        {"ssh://git@git.example.org/zones.git", "git", "git.example.org", "", "git-upload-pack '/zones.git'"},
        {"ssh://git.example.org:2222/srv/zones", "", "git.example.org", "2222",
            "git-upload-pack '/srv/zones'"},
        {"ssh://a@b@[2001:db8::1]:22/x:1", "a@b", "2001:db8::1", "22", "git-upload-pack '/x:1'"},
        {"ssh://[fe80::1%eth0]/x", "", "fe80::1%eth0", "", "git-upload-pack '/x'"},
        {"ssh://host/~alice/zones.git", "", "host", "", "git-upload-pack '~alice/zones.git'"},
        {"git@github.example:dns/zones.git", "git", "github.example", "", "git-upload-pack 'dns/zones.git'"},
        {"[::1]:zones", "", "::1", "", "git-upload-pack 'zones'"},
        {"host:a'b!c", "", "host", "", "git-upload-pack 'a'\\''b'\\!'c'"},
        {"ssh://host/$(id);`id` -x", "", "host", "", "git-upload-pack '/$(id);`id` -x'"},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        struct ssh_url url;
        char command[200];
        assert_true(ssh_url_is(cases[i].url));
        assert_null(ssh_url_parse(&url, cases[i].url));
        assert_string_equal(url.user, cases[i].user);
        assert_string_equal(url.host, cases[i].host);
        assert_string_equal(url.port, cases[i].port);
        assert_true(ssh_url_command(&url, command, sizeof command));
        assert_string_equal(command, cases[i].command);
    }
}

static void test_bad(void **state)
{
    static const char *const urls[] = {"ssh://", "ssh://host", "ssh://host/",
        "host:", "ssh://-oProxyCommand=id/x", "-oProxyCommand=id:x", "ssh://-lroot@host/x",
        "ssh://git:secret@host/x", "ssh://host:0/x", "ssh://host:65536/x", "ssh://host:2a/x", "ssh://ho st/x",
        "ssh://host$(id)/x", "ssh://[::1/x", "ssh://[::1]x/y", "ssh://[]/x", "ssh://@host/x\n",
        "ssh://h\x7f/x", "ssh://host/a\x1b[1m"};
    struct ssh_url url;
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(urls); i++)
        if (ssh_url_parse(&url, urls[i]) == NULL)
            fail_msg("%s", urls[i]);
}

static void test_what_is_not_ssh(void **state)
{
    static const char *const urls[] = {
        "https://host/x", "/srv/zones.git", "./a:b", "zones.git", "file:///x", "http://git@host:80/x", ""};
    struct ssh_url url = {.path = "/a-long-path"};
    char command[20];
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(urls); i++)
        assert_false(ssh_url_is(urls[i]));
    assert_false(ssh_url_command(&url, command, sizeof command));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_what_is_not_ssh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
