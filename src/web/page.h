/* SPDX-License-Identifier: MIT */
/*
 * page: the document that the status server has at `/`, made by src/web/page/embed at build time
 * from src/web/page/{page.html,page.css,page.js}. It is self-contained: all that it asks for is
 * /api.
 *
 *     web_page, web_page_len         text/html; charset=utf-8
 *     web_page_csp                   the Content-Security-Policy that it has to be served with: its
 *                                    style and script are allowed by their hashes, nothing else is
 */
#ifndef SPOOLGATE_WEB_PAGE_H
#define SPOOLGATE_WEB_PAGE_H

#include <stddef.h>

extern const char web_page[];
extern const size_t web_page_len;
extern const char web_page_csp[];

#endif
