/* SPDX-License-Identifier: MIT */
#include "base/address.h"

#include <arpa/inet.h>

#include "bytes.h"

static struct sockaddr_storage parse(const char *text)
{
    struct sockaddr_storage address = {0};
    bool is_ipv6 = strchr(text, ':');
    void *bytes = is_ipv6 ? (void *)&((struct sockaddr_in6 *)&address)->sin6_addr
                          : (void *)&((struct sockaddr_in *)&address)->sin_addr;
    address.ss_family = is_ipv6 ? AF_INET6 : AF_INET;
    cr_assert_eq(inet_pton(address.ss_family, text, bytes), 1, "%s", text);
    return address;
}

/* Both sides of each block's borders. */
Test(base_address, is_public)
{
    static const struct {
        const char *address;
        bool want;
    } rows[] = {
        {"0.0.0.0", false},
        {"0.255.255.255", false},
        {"1.0.0.0", true},
        {"9.255.255.255", true},
        {"10.0.0.0", false},
        {"10.255.255.255", false},
        {"11.0.0.0", true},
        {"100.63.255.255", true},
        {"100.64.0.0", false},
        {"100.100.100.200", false}, /* metadata */
        {"100.127.255.255", false},
        {"100.128.0.0", true},
        {"126.255.255.255", true},
        {"127.0.0.0", false},
        {"127.0.0.1", false},
        {"127.255.255.255", false},
        {"128.0.0.0", true},
        {"168.63.129.15", true},
        {"168.63.129.16", false}, /* metadata */
        {"168.63.129.17", true},
        {"169.253.255.255", true},
        {"169.254.0.0", false},
        {"169.254.169.254", false}, /* metadata */
        {"169.254.255.255", false},
        {"169.255.0.0", true},
        {"172.15.255.255", true},
        {"172.16.0.0", false},
        {"172.31.255.255", false},
        {"172.32.0.0", true},
        {"191.255.255.255", true},
        {"192.0.0.0", false},
        {"192.0.0.8", false},
        {"192.0.0.9", true},
        {"192.0.0.10", true},
        {"192.0.0.11", false},
        {"192.0.0.192", false}, /* metadata */
        {"192.0.0.255", false},
        {"192.0.1.0", true},
        {"192.0.1.255", true},
        {"192.0.2.0", false},
        {"192.0.2.255", false},
        {"192.0.3.0", true},
        {"192.88.98.255", true},
        {"192.88.99.0", false},
        {"192.88.99.255", false},
        {"192.88.100.0", true},
        {"192.167.255.255", true},
        {"192.168.0.0", false},
        {"192.168.255.255", false},
        {"192.169.0.0", true},
        {"198.17.255.255", true},
        {"198.18.0.0", false},
        {"198.19.255.255", false},
        {"198.20.0.0", true},
        {"198.51.99.255", true},
        {"198.51.100.0", false},
        {"198.51.100.255", false},
        {"198.51.101.0", true},
        {"203.0.112.255", true},
        {"203.0.113.0", false},
        {"203.0.113.255", false},
        {"203.0.114.0", true},
        {"223.255.255.255", true},
        {"224.0.0.0", false},
        {"239.255.255.255", false},
        {"240.0.0.0", false},
        {"255.255.255.255", false},

        {"::", false},
        {"::1", false},
        {"::8.8.8.8", false}, /* IPv4-compatible: nobody routes it */
        {"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
        {"2000::", true},
        {"2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"2001:1::", false},
        {"2001:1::1", true},
        {"2001:1::2", true},
        {"2001:1::3", true},
        {"2001:1::4", false},
        {"2001:2::1", false},
        {"2001:2:ffff::", false},
        {"2001:3::", true},
        {"2001:3:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"2001:4::", false},
        {"2001:4:111:ffff::", false},
        {"2001:4:112::", true},
        {"2001:4:112:ffff:ffff:ffff:ffff:ffff", true},
        {"2001:4:113::", false},
        {"2001:10::", false},
        {"2001:1f:ffff::", false},
        {"2001:20::", true},
        {"2001:2f:ffff::", true},
        {"2001:30::", true},
        {"2001:3f:ffff::", true},
        {"2001:40::", false},
        {"2001:1ff:ffff::", false},
        {"2001:200::", true},
        {"2001:4860:4860::8888", true},
        {"2001:db7:ffff::", true},
        {"2001:db8::", false},
        {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false},
        {"2001:db9::", true},
        {"2003::", true},
        {"3ffe:ffff::", true},
        {"3fff::", false},
        {"3fff:fff:ffff::", false},
        {"3fff:1000::", true},
        {"3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"4000::", false},
        {"5f00::1", false},
        {"100::1", false},
        {"fc00::", false},
        {"fd00:ec2::254", false}, /* metadata */
        {"fdff:ffff::", false},
        {"fe80::1", false},
        {"febf:ffff::", false},
        {"fec0::1", false},
        {"ff02::1", false},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},

        /* an IPv4 address inside */
        {"::ffff:8.8.8.8", true},
        {"::ffff:127.0.0.1", false},
        {"::ffff:169.254.169.254", false},
        {"::fffe:8.8.8.8", false},
        {"64:ff9b::8.8.8.8", true},
        {"64:ff9b::10.0.0.1", false},
        {"64:ff9b:0:0:0:1:808:808", false},
        {"64:ff9b:1::8.8.8.8", false}, /* NAT64 of one's own network */
        {"2002:808:808::1", true},
        {"2002:7f00:1::1", false},
        {"2002:a9fe:a9fe::", false},
        {"2001:0:808:808:0:0:f7f7:f7f7", true},  /* server 8.8.8.8, client 8.8.8.8 */
        {"2001:0:7f00:1:0:0:f7f7:f7f7", false},  /* server 127.0.0.1 */
        {"2001:0:808:808:0:0:80ff:fffe", false}, /* client 127.0.0.1 */
        {"2001:0:808:808:0:0:808:808", false},   /* client 247.247.247.247 */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sockaddr_storage address = parse(rows[i].address);
        bool got = address_is_public((struct sockaddr *)&address);
        cr_expect_eq(got, rows[i].want, "%s: want %d, got %d", rows[i].address, rows[i].want, got);
    }
}

Test(base_address, other_families_are_not_public)
{
    struct sockaddr_storage address = {.ss_family = AF_UNIX};
    char text[ADDRESS_TEXT];
    cr_expect_not(address_is_public((struct sockaddr *)&address));
    cr_expect_str_eq(address_format((struct sockaddr *)&address, text), "?");
}

Test(base_address, format)
{
    static const char *const rows[] = {"10.0.0.5",
                                       "255.255.255.255",
                                       "fe80::1",
                                       "::",
                                       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                                       "::ffff:192.168.255.255"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sockaddr_storage address = parse(rows[i]);
        char text[ADDRESS_TEXT];
        const char *got = address_format((struct sockaddr *)&address, text);
        cr_expect_str_eq(got, rows[i], "want %s, got %s", rows[i], got);
    }
}
