/* SPDX-License-Identifier: MIT */
/* api: the JSON of /api/..., as docs/MONITORING.md has it. */
#ifndef SPOOLGATE_WEB_API_H
#define SPOOLGATE_WEB_API_H

#include "web/routes.h"

void api_status(const struct web_site *site, struct buf *json);
/* On failure nothing is appended. */
struct err api_receipts(const struct web_site *site, const struct receipts_query *query,
                        struct buf *json);
/* {"error": text} */
void api_error(const char *text, struct buf *json);

#endif
