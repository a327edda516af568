/* Which addresses are not of the public internet, against IANA's special-purpose registries, row by row
 * (https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, as of
 * 2025, with multicast, which has registries of its own): the first and the last address of every
 * block, and the ones just outside. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/attr.h"
#include "base/url.h"

enum reach {
    CLOSED, /* nobody outside is there: never connected to unless allowed */
    OPEN,   /* globally reachable says the registry, and so do we */
    PART, /* reachable says the registry; closed here, as part of a block that is not, since no
             * platform lives there */
};

struct row {
    const char *first, *last;
    enum reach reach;
    const char *name;
};

/* clang-format off */
static const struct row registry[] = {
    {"0.0.0.0", "0.255.255.255", CLOSED, "this network, RFC 791"},
    {"0.0.0.0", "0.0.0.0", CLOSED, "this host on this network, RFC 1122"},
    {"10.0.0.0", "10.255.255.255", CLOSED, "private use, RFC 1918"},
    {"100.64.0.0", "100.127.255.255", CLOSED, "shared address space, RFC 6598"},
    {"127.0.0.0", "127.255.255.255", CLOSED, "loopback, RFC 1122"},
    {"169.254.0.0", "169.254.255.255", CLOSED, "link-local, RFC 3927"},
    {"172.16.0.0", "172.31.255.255", CLOSED, "private use, RFC 1918"},
    {"192.0.0.0", "192.0.0.255", CLOSED, "IETF protocol assignments, RFC 6890"},
    {"192.0.0.0", "192.0.0.7", CLOSED, "service continuity prefix, RFC 7335"},
    {"192.0.0.8", "192.0.0.8", CLOSED, "dummy address, RFC 7600"},
    {"192.0.0.9", "192.0.0.9", PART, "port control protocol anycast, RFC 7723"},
    {"192.0.0.10", "192.0.0.10", PART, "TURN anycast, RFC 8155"},
    {"192.0.0.170", "192.0.0.171", CLOSED, "NAT64/DNS64 discovery, RFC 8880"},
    {"192.0.2.0", "192.0.2.255", CLOSED, "documentation, TEST-NET-1, RFC 5737"},
    {"192.31.196.0", "192.31.196.255", OPEN, "AS112-v4, RFC 7535"},
    {"192.52.193.0", "192.52.193.255", OPEN, "AMT, RFC 7450"},
    {"192.88.99.0", "192.88.99.255", CLOSED, "6to4 relay anycast, deprecated, RFC 7526"},
    {"192.88.99.2", "192.88.99.2", CLOSED, "6a44 relay anycast, RFC 6751"},
    {"192.168.0.0", "192.168.255.255", CLOSED, "private use, RFC 1918"},
    {"192.175.48.0", "192.175.48.255", OPEN, "direct delegation AS112, RFC 7534"},
    {"198.18.0.0", "198.19.255.255", CLOSED, "benchmarking, RFC 2544"},
    {"198.51.100.0", "198.51.100.255", CLOSED, "documentation, TEST-NET-2, RFC 5737"},
    {"203.0.113.0", "203.0.113.255", CLOSED, "documentation, TEST-NET-3, RFC 5737"},
    {"224.0.0.0", "239.255.255.255", CLOSED, "multicast, RFC 5771"},
    {"240.0.0.0", "255.255.255.255", CLOSED, "reserved, RFC 1112"},
    {"255.255.255.255", "255.255.255.255", CLOSED, "limited broadcast, RFC 8190"},

    {"::1", "::1", CLOSED, "loopback, RFC 4291"},
    {"::", "::", CLOSED, "unspecified, RFC 4291"},
    {"::", "::255.255.255.255", CLOSED, "IPv4-compatible, deprecated, RFC 4291"},
    {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", CLOSED, "local-use translation, RFC 8215"},
    {"100::", "100::ffff:ffff:ffff:ffff", CLOSED, "discard only, RFC 6666"},
    {"100:0:0:1::", "100::1:ffff:ffff:ffff:ffff", CLOSED, "dummy prefix, RFC 9780"},
    {"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", CLOSED, "IETF protocol assignments, RFC 2928"},
    {"2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", CLOSED, "Teredo, RFC 4380"},
    {"2001:1::1", "2001:1::1", PART, "port control protocol anycast, RFC 7723"},
    {"2001:1::2", "2001:1::2", PART, "TURN anycast, RFC 8155"},
    {"2001:1::3", "2001:1::3", PART, "DNS-SD service registration anycast, RFC 9665"},
    {"2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", CLOSED, "benchmarking, RFC 5180"},
    {"2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", PART, "AMT, RFC 7450"},
    {"2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff", PART, "AS112-v6, RFC 7535"},
    {"2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", CLOSED, "ORCHID, deprecated, RFC 4843"},
    {"2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", PART, "ORCHIDv2, RFC 7343"},
    {"2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", PART, "drone remote identification, RFC 9374"},
    {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", CLOSED, "documentation, RFC 3849"},
    {"2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", OPEN, "direct delegation AS112, RFC 7534"},
    {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", CLOSED, "documentation, RFC 9637"},
    {"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", CLOSED, "segment routing, RFC 9602"},
    {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", CLOSED, "unique local, RFC 4193"},
    {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", CLOSED, "link-local, RFC 4291"},
    {"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", CLOSED, "site-local, deprecated, RFC 3879"},
    {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", CLOSED, "multicast, RFC 4291"},
};

/* Just below and just above the blocks, and addresses that platforms do have. */
static const char *const outside[] = {
    "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0",
    "192.0.1.255", "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
    "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
    "223.255.255.255", "149.154.167.220", "8.8.8.8",
    "::1:0:0:0", "0:0:1::", "64:ff9b:0:ffff::", "64:ff9b:2::", "ff:ffff::", "100:0:0:2::", "2001:200::",
    "2000:ffff::", "2001:db7:ffff::", "2001:db9::", "3ffe:ffff::", "3fff:1000::", "5eff:ffff::", "5f01::",
    "fbff:ffff::", "fe00::", "fe7f:ffff::", "2606:4700::1111", "2a00:1450::1",
};

/* Forms of IPv6 that carry an IPv4 address; each is as open as that is. */
static const char *const carriers[] = {
    "::ffff:",    /* mapped, RFC 4291; the registry has its block as not reachable */
    "::ffff:0:",  /* translated, RFC 2765 */
    "64:ff9b::",  /* NAT64, RFC 6052 */
};
/* clang-format on */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static union address parse(const char *text)
{
    union address a;

    memset(&a, 0, sizeof a);
    if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) {
        a.v4.sin_family = AF_INET;
    } else {
        if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) != 1) {
            fail_msg("%s is no address", text);
        }
        a.v6.sin6_family = AF_INET6;
    }
    return a;
}

static bool is_private(const char *text)
{
    union address a = parse(text);

    return net_address_is_private(&a.any);
}

static void every_row_of_the_registries_is_as_open_as_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(registry); i++) {
        const struct row *row = &registry[i];
        bool closed = row->reach != OPEN;

        if (is_private(row->first) != closed || is_private(row->last) != closed) {
            fail_msg("%s to %s: %s", row->first, row->last, row->name);
        }
    }
}

static void everything_else_is_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
        if (is_private(outside[i])) {
            fail_msg("%s", outside[i]);
        }
    }
}

static bool is_v6(const char *text)
{
    return strchr(text, ':') != NULL;
}

static void check_carried(const char *v4, bool closed)
{
    char text[2 * INET6_ADDRSTRLEN];
    union address inner = parse(v4), outer;

    for (size_t i = 0; i < ARRAY_LEN(carriers); i++) {
        (void)snprintf(text, sizeof text, "%s%s", carriers[i], v4);
        if (is_private(text) != closed) {
            fail_msg("%s", text);
        }
    }
    outer = parse("2002::1"); /* 6to4, RFC 3056: behind the first two bytes */
    memcpy(&outer.v6.sin6_addr.s6_addr[2], &inner.v4.sin_addr, 4);
    if (net_address_is_private(&outer.any) != closed) {
        fail_msg("6to4 of %s", v4);
    }
}

static void an_ipv4_address_inside_counts_as_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(registry); i++) {
        if (!is_v6(registry[i].first)) {
            check_carried(registry[i].first, registry[i].reach != OPEN);
            check_carried(registry[i].last, registry[i].reach != OPEN);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
        if (!is_v6(outside[i])) {
            check_carried(outside[i], false);
        }
    }
}

static void what_is_no_internet_address_is_closed(void **state)
{
    union address a;

    (void)state;
    memset(&a, 0, sizeof a);
    a.local.sun_family = AF_UNIX;
    assert_true(net_address_is_private(&a.any));
    a.any.sa_family = AF_UNSPEC;
    assert_true(net_address_is_private(&a.any));
    assert_true(net_address_is_private(NULL));
}

/* Who is let in without a token: stricter than "private". */
static void only_this_machine_is_loopback(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } rows[] = {
        {"127.0.0.1", true},
        {"127.255.255.254", true},
        {"::1", true},
        {"::ffff:127.0.0.1", true},
        {"::ffff:127.9.9.9", true},
        {"126.255.255.255", false},
        {"128.0.0.1", false},
        {"0.0.0.0", false},
        {"::", false},
        {"::2", false},
        {"::127.0.0.1", false},
        {"::ffff:0:127.0.0.1", false},
        {"64:ff9b::127.0.0.1", false},
        {"2002:7f00:1::1", false},
        {"::ffff:10.0.0.1", false},
        {"10.0.0.1", false},
        {"169.254.169.254", false},
        {"fe80::1", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        union address a = parse(rows[i].text);

        if (net_address_is_loopback(&a.any) != rows[i].is) {
            fail_msg("%s", rows[i].text);
        }
    }
    assert_false(net_address_is_loopback(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_registries_is_as_open_as_it_says),
        cmocka_unit_test(everything_else_is_open),
        cmocka_unit_test(an_ipv4_address_inside_counts_as_itself),
        cmocka_unit_test(what_is_no_internet_address_is_closed),
        cmocka_unit_test(only_this_machine_is_loopback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
