#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "transfer/address.h"
#include "transfer/url.h"
#include "transfer/url_policy.h"

struct url_row {
    const char *url, *allow;
    bool is_ok;
    const char *says; /* part of the message */
};

static const struct url_row url_rows[] = {
    {"https://cdn.example/clip.mp4", NULL, true, NULL},
    {"http://cdn.example/clip.mp4?sig=1", NULL, true, NULL},
    {"https://cdn.example:8443/x", NULL, true, NULL},
    {"https://cdn.example:1024/x", NULL, true, NULL},
    {"https://cdn.example/a b.mp4", NULL, true, NULL}, /* encoded */
    {"https://cdn.example/\xc3\xa9.mp4", NULL, true, NULL},
    {"HTTPS://CDN.Example/x", NULL, true, NULL},
    {"ftp://cdn.example/x", NULL, false, "ftp"},
    {"file:///etc/passwd", NULL, false, "file"},
    {"gopher://cdn.example/x", NULL, false, "gopher"},
    {"javascript:alert(1)", NULL, false, NULL},
    {"data:text/plain,x", NULL, false, NULL},
    {"cdn.example/x", NULL, false, NULL},
    {"//cdn.example/x", NULL, false, NULL},
    {"", NULL, false, NULL},
    {"http://", NULL, false, NULL},
    {"http://a%25b/", NULL, false, NULL},
    {"http://%6c%6fcalhost%25/", NULL, false, NULL},
    {"http://a b/", NULL, false, NULL},
    {"http://b\xc3\xbc"
     "cher.example/",
     NULL, true, NULL},
    {"http://[::g]/", NULL, false, NULL},
    {"http://user@cdn.example/", NULL, false, "user name"},
    {"http://user:pw@cdn.example/", NULL, false, "user name"},
    {"http://good.example@127.0.0.1/", NULL, false, "user name"},
    {"http://cdn.example\\@127.0.0.1/", NULL, false, "backslash"},
    {"http://cdn.example/\r\nHost: x", NULL, false, "control byte"},
    {"http://cdn.example/\x7f", NULL, false, "control byte"},
    {"http://cdn.example:22/", NULL, false, "port 22"},
    {"http://cdn.example:25/", NULL, false, "port 25"},
    {"http://cdn.example:1023/", NULL, false, "port 1023"},
    {"http://cdn.example:99999/", NULL, false, NULL},
    {"http://cdn.example:0/", NULL, false, NULL},
    {"http://cdn.example:81/", "cdn.example:81", true, NULL},
    {"http://cdn.example:82/", "cdn.example:81", false, "port 82"},
    {"http://cdn.example:81/", "cdn.example", true, NULL},
    /* literals in every spelling that libcurl or the resolver takes */
    {"http://127.0.0.1/", NULL, false, "loopback"},
    {"http://127.1/", NULL, false, NULL},
    {"http://2130706433/", NULL, false, NULL},
    {"http://0x7f000001/", NULL, false, NULL},
    {"http://017700000001/", NULL, false, NULL},
    {"http://0/", NULL, false, NULL},
    {"http://[::1]/", NULL, false, "loopback"},
    {"http://[::ffff:127.0.0.1]/", NULL, false, "loopback"},
    {"http://[::ffff:a00:1]/", NULL, false, "private"},
    {"http://[64:ff9b::a9fe:a9fe]/", NULL, false, "link-local"},
    {"http://[fe80::1%25eth0]/", NULL, false, "link-local"},
    {"http://169.254.169.254/latest/meta-data/", NULL, false, "link-local"},
    {"http://10.0.0.5:9000/x", "10.0.0.0/8", true, NULL},
    {"http://10.0.0.5:9000/x", "10.0.0.5:9000", true, NULL},
    {"http://10.0.0.5:9001/x", "10.0.0.5:9000", false, "private"},
    {"http://[fd00::1]:9000/x", "[fd00::1]:9000", true, NULL},
    {"http://[fd00::1]/x", "fd00::/8", true, NULL},
    {"http://8.8.8.8/", NULL, true, NULL},
    {"http://[2606:4700::1111]/", NULL, true, NULL},
};

static void urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(url_rows) / sizeof(url_rows[0]); i++) {
        const struct url_row *row = &url_rows[i];
        struct ftl_url_policy policy = {.allow = row->allow};
        struct ftl_err err = {0};
        enum ftl_code code = ftl_url_policy_check_url(&policy, row->url, &err);
        if ((code == FTL_OK) != row->is_ok) {
            fail_msg("%s (allow %s): %s %s", row->url, row->allow != NULL ? row->allow : "-",
                     ftl_code_name(code), err.msg);
        }
        if (!row->is_ok) {
            assert_int_equal(code, FTL_SOURCE);
            assert_int_equal(err.retry, FTL_RETRY_NEVER);
        }
        if (row->says != NULL && strstr(err.msg, row->says) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", row->url, err.msg, row->says);
        }
    }
}

static void open_policy_keeps_the_scheme(void **state)
{
    (void)state;
    struct ftl_url_policy policy = {.is_open = true};
    struct ftl_err err = {0};
    assert_int_equal(ftl_url_policy_check_url(&policy, "http://127.0.0.1:22/", &err), FTL_OK);
    assert_int_equal(ftl_url_policy_check_url(&policy, "http://u:p@localhost/", &err), FTL_OK);
    assert_int_equal(ftl_url_policy_check_url(&policy, "file:///etc/passwd", &err), FTL_SOURCE);
    assert_int_equal(ftl_url_policy_check_url(&policy, "http://x/\n", &err), FTL_SOURCE);
}

static void secrets_stay_out_of_messages(void **state)
{
    (void)state;
    static const char *const urls_with_secrets[] = {
        "http://127.0.0.1/x?sig=S3CRET", "http://S3CRET:S3CRET@host/", "ftp://S3CRET@h/S3CRET",
        "http://host:22/?k=S3CRET"};
    struct ftl_url_policy policy = {0};
    for (size_t i = 0; i < sizeof(urls_with_secrets) / sizeof(urls_with_secrets[0]); i++) {
        struct ftl_err err = {0};
        assert_int_not_equal(ftl_url_policy_check_url(&policy, urls_with_secrets[i], &err), FTL_OK);
        assert_null(strstr(err.msg, "S3CRET"));
    }
}

static const struct {
    const char *address;
    enum ftl_address_class kind;
} class_rows[] = {
    {"1.1.1.1", FTL_ADDRESS_PUBLIC},
    {"9.255.255.255", FTL_ADDRESS_PUBLIC},
    {"11.0.0.0", FTL_ADDRESS_PUBLIC},
    {"0.0.0.0", FTL_ADDRESS_UNSPECIFIED},
    {"0.255.255.255", FTL_ADDRESS_UNSPECIFIED},
    {"10.0.0.0", FTL_ADDRESS_PRIVATE},
    {"10.255.255.255", FTL_ADDRESS_PRIVATE},
    {"100.63.255.255", FTL_ADDRESS_PUBLIC},
    {"100.64.0.0", FTL_ADDRESS_SHARED},
    {"100.127.255.255", FTL_ADDRESS_SHARED},
    {"100.128.0.0", FTL_ADDRESS_PUBLIC},
    {"127.0.0.1", FTL_ADDRESS_LOOPBACK},
    {"127.255.255.254", FTL_ADDRESS_LOOPBACK},
    {"128.0.0.0", FTL_ADDRESS_PUBLIC},
    {"168.63.129.16", FTL_ADDRESS_METADATA},
    {"168.63.129.17", FTL_ADDRESS_PUBLIC},
    {"169.254.169.254", FTL_ADDRESS_LINK_LOCAL},
    {"172.15.255.255", FTL_ADDRESS_PUBLIC},
    {"172.16.0.0", FTL_ADDRESS_PRIVATE},
    {"172.31.255.255", FTL_ADDRESS_PRIVATE},
    {"172.32.0.0", FTL_ADDRESS_PUBLIC},
    {"192.0.0.192", FTL_ADDRESS_RESERVED},
    {"192.0.2.1", FTL_ADDRESS_RESERVED},
    {"192.88.99.1", FTL_ADDRESS_RESERVED},
    {"192.168.255.255", FTL_ADDRESS_PRIVATE},
    {"198.17.255.255", FTL_ADDRESS_PUBLIC},
    {"198.18.0.0", FTL_ADDRESS_RESERVED},
    {"198.19.255.255", FTL_ADDRESS_RESERVED},
    {"198.51.100.7", FTL_ADDRESS_RESERVED},
    {"203.0.113.7", FTL_ADDRESS_RESERVED},
    {"224.0.0.1", FTL_ADDRESS_MULTICAST},
    {"239.255.255.255", FTL_ADDRESS_MULTICAST},
    {"240.0.0.1", FTL_ADDRESS_RESERVED},
    {"255.255.255.255", FTL_ADDRESS_RESERVED},
    {"[::]", FTL_ADDRESS_UNSPECIFIED},
    {"[::1]", FTL_ADDRESS_LOOPBACK},
    {"[::2]", FTL_ADDRESS_RESERVED},
    {"[::127.0.0.1]", FTL_ADDRESS_RESERVED}, /* the withdrawn "compatible" form */
    {"[::ffff:127.0.0.1]", FTL_ADDRESS_LOOPBACK},
    {"[::ffff:192.168.0.1]", FTL_ADDRESS_PRIVATE},
    {"[::ffff:8.8.8.8]", FTL_ADDRESS_PUBLIC},
    {"[64:ff9b::7f00:1]", FTL_ADDRESS_LOOPBACK},
    {"[64:ff9b::808:808]", FTL_ADDRESS_PUBLIC},
    {"[64:ff9b:1::1]", FTL_ADDRESS_RESERVED},
    {"[100::1]", FTL_ADDRESS_RESERVED},
    {"[2001::1]", FTL_ADDRESS_RESERVED},
    {"[2001:2::1]", FTL_ADDRESS_RESERVED},
    {"[2001:db8::1]", FTL_ADDRESS_RESERVED},
    {"[2001:4860:4860::8888]", FTL_ADDRESS_PUBLIC},
    {"[2002:7f00:1::]", FTL_ADDRESS_LOOPBACK},
    {"[2002:a00:1::]", FTL_ADDRESS_PRIVATE},
    {"[2002:808:808::]", FTL_ADDRESS_PUBLIC},
    {"[3fff::1]", FTL_ADDRESS_RESERVED},
    {"[4000::1]", FTL_ADDRESS_RESERVED},
    {"[fc00::1]", FTL_ADDRESS_PRIVATE},
    {"[fd00:ec2::254]", FTL_ADDRESS_PRIVATE},
    {"[fe80::1]", FTL_ADDRESS_LINK_LOCAL},
    {"[febf::1]", FTL_ADDRESS_LINK_LOCAL},
    {"[fec0::1]", FTL_ADDRESS_PRIVATE},
    {"[ff02::1]", FTL_ADDRESS_MULTICAST},
};

static void classes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(class_rows) / sizeof(class_rows[0]); i++) {
        struct sockaddr_storage address = {0};
        if (!ftl_address_parse(class_rows[i].address, 80, &address)) {
            fail_msg("%s does not parse", class_rows[i].address);
        }
        enum ftl_address_class got = ftl_address_classify((const struct sockaddr *)&address);
        if (got != class_rows[i].kind) {
            fail_msg("%s: %s", class_rows[i].address, ftl_address_class_name(got));
        }
    }
    struct sockaddr unix_address = {.sa_family = AF_UNIX};
    assert_int_equal(ftl_address_classify(&unix_address), FTL_ADDRESS_RESERVED);
}

struct address_row {
    const char *host, *address; /* what it resolved to */
    uint16_t port;
    const char *allow;
    bool is_ok;
};

static const struct address_row address_rows[] = {
    {"evil.example", "127.0.0.1", 80, NULL, false},
    {"evil.example", "[::1]", 80, "", false},
    {"cdn.example", "93.184.216.34", 80, NULL, true},
    {"minio", "172.18.0.3", 9000, "minio", true},
    {"MinIO.", "172.18.0.3", 9000, "minio", true},
    {"minio", "172.18.0.3", 9000, "MINIO.", true},
    {"minio", "172.18.0.3", 9000, "minio:9000", true},
    {"minio", "172.18.0.3", 9001, "minio:9000", false},
    {"minio2", "172.18.0.3", 9000, "minio", false},
    {"xminio", "172.18.0.3", 9000, "minio", false},
    {"a.internal", "10.1.1.1", 80, "*.internal", true},
    {"a.b.internal", "10.1.1.1", 80, "*.internal", true},
    {"internal", "10.1.1.1", 80, "*.internal", false},
    {".internal", "10.1.1.1", 80, "*.internal", false},
    {"xinternal", "10.1.1.1", 80, "*.internal", false},
    {"a.internal", "10.1.1.1", 80, " x , *.internal ,y", true},
    /* a name does not open what only an address may */
    {"a.internal", "169.254.169.254", 80, "*.internal", false},
    {"a.internal", "224.0.0.1", 80, "*.internal", false},
    {"a.internal", "0.0.0.0", 80, "*.internal", false},
    {"a.internal", "169.254.169.254", 80, "169.254.169.254", true},
    {"x", "10.1.2.3", 80, "10.0.0.0/8", true},
    {"x", "11.1.2.3", 80, "10.0.0.0/8", true}, /* public anyway */
    {"x", "192.168.1.1", 80, "10.0.0.0/8", false},
    {"x", "10.128.0.0", 80, "10.0.0.0/9", false},
    {"x", "10.127.255.255", 80, "10.0.0.0/9", true},
    {"x", "127.0.0.1", 80, "0.0.0.0/0", true},
    {"x", "[::1]", 80, "0.0.0.0/0", false},
    {"x", "[::ffff:10.0.0.1]", 80, "10.0.0.0/8", true},
    {"x", "[fd12::1]", 80, "fd00::/8", true},
    {"x", "[fd12::1]", 80, "[fd12::1]", true},
    {"x", "[fd12::1]", 80, "[fd12::1]:81", false},
    {"x", "127.0.0.1", 8080, "127.0.0.0/8:8080", true},
    {"x", "127.0.0.1", 8081, "127.0.0.0/8:8080", false},
    {"x", "127.0.0.1", 80, "127.0.0.1/33,junk/,:80,[,*", false}, /* junk opens nothing */
};

static void addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(address_rows) / sizeof(address_rows[0]); i++) {
        const struct address_row *row = &address_rows[i];
        struct ftl_url_policy policy = {.allow = row->allow};
        struct sockaddr_storage address = {0};
        struct ftl_err err = {0};
        assert_true(ftl_address_parse(row->address, row->port, &address));
        enum ftl_code code = ftl_url_policy_check_address(&policy, row->host,
                                                          (const struct sockaddr *)&address, &err);
        if ((code == FTL_OK) != row->is_ok) {
            fail_msg("row %zu, %s at %s: %s %s", i, row->host, row->address, ftl_code_name(code),
                     err.msg);
        }
    }
}

static const struct {
    const char *allow;
    bool is_ok;
} allow_rows[] = {
    {NULL, true},           {"", true},
    {" , ,", true},         {"a,b.c,*.d,10.0.0.0/8,::1,[::1]:80,a:1", true},
    {"a b", false},         {"*", false},
    {"*.", false},          {"a.*", false},
    {"10.0.0.0/33", false}, {"10.0.0.0/", false},
    {"fd00::/129", false},  {"a:0", false},
    {"a:65536", false},     {"a:99999999999999999999", false},
    {"a:", false},          {"[::1", false},
    {"[a]:80", false},      {"http://a", false},
};

static void allow_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(allow_rows) / sizeof(allow_rows[0]); i++) {
        struct ftl_err err = {0};
        enum ftl_code code = ftl_url_policy_check_allow(allow_rows[i].allow, &err);
        if ((code == FTL_OK) != allow_rows[i].is_ok) {
            fail_msg("\"%s\": %s", allow_rows[i].allow, ftl_code_name(code));
        }
    }
}

static void following(void **state)
{
    (void)state;
    static const struct {
        const char *from, *location, *to; /* to NULL = refused */
    } rows[] = {
        {"https://a.example/x/y?q=1", "z", "https://a.example/x/z"},
        {"https://a.example/x/y", "/z?k=v", "https://a.example/z"},
        {"https://a.example/x/y", "//b.example/z", "https://b.example/z"},
        {"https://a.example/x/y", "http://127.0.0.2/z", "http://127.0.0.2/z"},
        {"https://a.example/x/y", "a b", "https://a.example/x/a%20b"},
        {"https://a.example/x/y", "file:///etc/passwd", NULL},
        {"https://a.example/x/y", "ftp://h/x", NULL},
        {"https://a.example/x/y", "\\\\h\\x", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        FTL_AUTO(curlu) CURLU *url = NULL;
        struct ftl_err err = {0};
        char text[256] = "";
        assert_int_equal(ftl_url_parse(rows[i].from, &url, &err), FTL_OK);
        enum ftl_code code = ftl_url_follow(url, rows[i].location, &err);
        if (rows[i].to == NULL) {
            assert_int_equal(code, FTL_SOURCE);
            continue;
        }
        assert_int_equal(code, FTL_OK);
        ftl_url_text(url, text, sizeof(text));
        assert_string_equal(text, rows[i].to);
    }
}

static void origins(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_same;
    } rows[] = {
        {"http://h/x", "http://H:80/y", true},   {"https://h/x", "https://h.:443/", true},
        {"http://h/x", "https://h/x", false},    {"http://h/x", "http://h:8080/x", false},
        {"http://h/x", "http://sub.h/x", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        FTL_AUTO(curlu) CURLU *a = NULL;
        FTL_AUTO(curlu) CURLU *b = NULL;
        struct ftl_origin origin_a = {0};
        struct ftl_origin origin_b = {0};
        struct ftl_err err = {0};
        assert_int_equal(ftl_url_parse(rows[i].a, &a, &err), FTL_OK);
        assert_int_equal(ftl_url_parse(rows[i].b, &b, &err), FTL_OK);
        assert_int_equal(ftl_url_origin(a, &origin_a, &err), FTL_OK);
        assert_int_equal(ftl_url_origin(b, &origin_b, &err), FTL_OK);
        assert_int_equal(ftl_origin_equal(&origin_a, &origin_b), rows[i].is_same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(open_policy_keeps_the_scheme),
        cmocka_unit_test(secrets_stay_out_of_messages),
        cmocka_unit_test(classes),
        cmocka_unit_test(addresses),
        cmocka_unit_test(allow_lists),
        cmocka_unit_test(following),
        cmocka_unit_test(origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
