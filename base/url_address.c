/* Which addresses are not of the public internet. Asked by service/ about the address a socket
 * is about to connect to, so that no name and no redirect leads inside. From the IANA
 * special-purpose registries for IPv4 and IPv6, with the forms of IPv6 that carry an IPv4
 * address taken apart. */

#include "base/url.h"

#include <string.h>

#include <netinet/in.h>

#include "base/attr.h"

struct block {
    unsigned char bytes[16];
    unsigned bits;
};

/* clang-format off */
static const struct block private_v4[] = {
    {{0}, 8},              /* this network, RFC 791 */
    {{10}, 8},             /* RFC 1918 */
    {{100, 64}, 10},       /* shared, RFC 6598 */
    {{127}, 8},            /* loopback */
    {{169, 254}, 16},      /* link-local; cloud metadata lives here */
    {{172, 16}, 12},       /* RFC 1918 */
    {{192, 0, 0}, 24},     /* protocol assignments */
    {{192, 0, 2}, 24},     /* documentation */
    {{192, 88, 99}, 24},   /* 6to4 relays, withdrawn */
    {{192, 168}, 16},      /* RFC 1918 */
    {{198, 18}, 15},       /* benchmarks, RFC 2544 */
    {{198, 51, 100}, 24},  /* documentation */
    {{203, 0, 113}, 24},   /* documentation */
    {{224}, 4},            /* multicast */
    {{240}, 4},            /* reserved, and broadcast */
};
static const struct block private_v6[] = {
    {{0}, 96},                             /* unspecified, loopback, IPv4-compatible (retired) */
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48},  /* local NAT64, RFC 8215 */
    {{0x01}, 63},                          /* discard, RFC 6666, and dummy, RFC 9780 */
    {{0x20, 0x01}, 23},                    /* protocol assignments, Teredo among them */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},        /* documentation */
    {{0x3f, 0xff}, 20},                    /* documentation, RFC 9637 */
    {{0x5f, 0x00}, 16},                    /* segment routing, RFC 9602 */
    {{0xfc}, 7},                           /* unique local, RFC 4193 */
    {{0xfe, 0x80}, 10},                    /* link-local */
    {{0xfe, 0xc0}, 10},                    /* site-local (retired) */
    {{0xff}, 8},                           /* multicast */
};
/* clang-format on */

static bool in_block(const unsigned char *address, const struct block *b)
{
    size_t whole = b->bits / 8;
    unsigned rest = b->bits % 8;

    if (memcmp(address, b->bytes, whole) != 0) {
        return false;
    }
    return rest == 0 || ((address[whole] ^ b->bytes[whole]) >> (8 - rest)) == 0;
}

static bool in_any(const unsigned char *address, const struct block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (in_block(address, &blocks[i])) {
            return true;
        }
    }
    return false;
}

static bool v4_is_private(const unsigned char *address)
{
    return in_any(address, private_v4, ARRAY_LEN(private_v4));
}

static const struct block mapped = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};

/* The IPv4 address inside, or NULL: mapped ::ffff:0:0/96, translated ::ffff:0:0:0/96 (RFC
 * 2765), NAT64 64:ff9b::/96, 6to4 2002::/16. */
static const unsigned char *v4_inside(const unsigned char *a)
{
    static const struct block translated = {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};
    static const struct block nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96};
    static const struct block six_to_four = {{0x20, 0x02}, 16};

    if (in_block(a, &mapped) || in_block(a, &translated) || in_block(a, &nat64)) {
        return a + 12;
    }
    return in_block(a, &six_to_four) ? a + 2 : NULL;
}

static bool v6_is_private(const unsigned char *address)
{
    const unsigned char *inside = v4_inside(address);

    return inside != NULL ? v4_is_private(inside)
                          : in_any(address, private_v6, ARRAY_LEN(private_v6));
}

/* The address may come at any alignment, as in a resolver's answer. */
static bool address_bytes(const struct sockaddr *addr, unsigned char out[16], bool *out_v6)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (addr == NULL) {
        return false;
    }
    if (addr->sa_family == AF_INET) {
        memcpy(&v4, addr, sizeof v4);
        memcpy(out, &v4.sin_addr, 4);
        *out_v6 = false;
        return true;
    }
    if (addr->sa_family == AF_INET6) {
        memcpy(&v6, addr, sizeof v6);
        memcpy(out, &v6.sin6_addr, 16);
        *out_v6 = true;
        return true;
    }
    return false;
}

bool net_address_is_private(const struct sockaddr *addr)
{
    unsigned char bytes[16];
    bool is_v6;

    if (!address_bytes(addr, bytes, &is_v6)) {
        return true;
    }
    return is_v6 ? v6_is_private(bytes) : v4_is_private(bytes);
}

bool net_address_is_loopback(const struct sockaddr *addr)
{
    static const unsigned char one[16] = {[15] = 1};
    unsigned char bytes[16];
    bool is_v6;

    if (!address_bytes(addr, bytes, &is_v6)) {
        return false;
    }
    if (!is_v6) {
        return bytes[0] == 127;
    }
    /* Of the forms that carry an IPv4 address only the mapped one is this machine's own: the
     * others are addresses of the network, and anybody may write 127 into one. */
    if (in_block(bytes, &mapped)) {
        return bytes[12] == 127;
    }
    return memcmp(bytes, one, sizeof one) == 0;
}
