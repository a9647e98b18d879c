/* SPDX-License-Identifier: MIT */
#include "base/header.h"

#include "bytes.h"

Test(base_header, check)
{
    static const struct {
        const char *name, *value, *want; /* part of the error; NULL: it may be sent */
    } rows[] = {
        {"X-One", "1", NULL},
        {"x", "", NULL},
        {"X-Tab", "a\tb", NULL},
        {"X-Bytes", "caf\xc3\xa9 \xff", NULL},
        {"!#$%&'*+-.^_`|~09azAZ", "every character of a token", NULL},
        {"", "x", "made of letters"},
        {"X Y", "x", "made of letters"},
        {"X:", "x", "made of letters"},
        {":path", "x", "made of letters"},
        {"X\r\nY", "x", "made of letters"},
        {"X\t", "x", "made of letters"},
        {"caf\xc3\xa9", "x", "made of letters"},
        {"Content-Length", "1", "set by the connection"},
        {"TRANSFER-ENCODING", "chunked", "set by the connection"},
        {"Connection", "close", "set by the connection"},
        {"host", "a", "set by the connection"},
        {"expect", "100-continue", "set by the connection"},
        {"Upgrade", "h2c", "set by the connection"},
        {"TE", "trailers", "set by the connection"},
        {"trailer", "x", "set by the connection"},
        {"Keep-Alive", "1", "set by the connection"},
        {"Proxy-Connection", "close", "set by the connection"},
        {"X", "s3cret\r\nY: b", "header X: line breaks"},
        {"X", "s3cret\nY: b", "header X: line breaks"},
        {"X", "s3cret\rY: b", "header X: line breaks"},
        {"X", "s3cret\x01", "header X: line breaks"},
        {"X", "\x1f", "header X: line breaks"},
        {"X", "s3cret\x7f", "header X: line breaks"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = header_check(rows[i].name, rows[i].value);
        cr_expect_eq(e.cls, rows[i].want ? ERR_USAGE : ERR_NONE, "%s: got %s", rows[i].name,
                     e.text);
        cr_expect(!rows[i].want || strstr(e.text, rows[i].want), "%s\nwant: %s\n got: %s",
                  rows[i].name, rows[i].want, e.text);
        cr_expect(!strstr(e.text, "s3cret"), "%s", e.text);
    }
}
