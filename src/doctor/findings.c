/* SPDX-License-Identifier: MIT */
#include "doctor/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const struct {
    const char *name, *heading;
    enum finding_severity severity;
} codes[] = {
#define FINDING_ROW(id, code, severity_, heading_) \
    [id] = {.name = (code), .heading = (heading_), .severity = (severity_)},
    FINDING_CODES(FINDING_ROW)
#undef FINDING_ROW
};

static const char *const severities[] = {[FINDING_LOST] = "lost",
                                         [FINDING_ODD] = "odd",
                                         [FINDING_OWED] = "owed",
                                         [FINDING_INFO] = "info"};

void findings_add(struct findings *f, enum finding_code code, const char *batch, const char *file,
                  const char *fix, const char *format, ...)
{
    char text[1024];
    struct buf encoded = {0};
    va_list args;
    if (f->totals[code]++ >= FINDINGS_LISTED)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct finding *item = MEM_PUSH(f->items, f->count, f->cap);
    *item = (struct finding){
        .code = code, .text = mem_strdup(text), .fix = fix ? mem_strdup(fix) : NULL};
    if (batch)
        (void)snprintf(item->batch, sizeof item->batch, "%s", batch);
    if (file) {
        str_percent_encode(&encoded, file);
        item->file = buf_take(&encoded);
    }
}

void findings_free(struct findings *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->items[i].file);
        free(f->items[i].text);
        free(f->items[i].fix);
    }
    free(f->items);
    *f = (struct findings){0};
}

uint64_t findings_of_severity(const struct findings *f, enum finding_severity severity)
{
    uint64_t count = 0;
    for (size_t code = 0; code < FINDING_CODE_COUNT; code++)
        if (codes[code].severity == severity)
            count += f->totals[code];
    return count;
}

bool findings_are_wrong(const struct findings *f)
{
    for (int s = 0; s < FINDING_SEVERITIES; s++)
        if (s != FINDING_INFO && findings_of_severity(f, (enum finding_severity)s) > 0)
            return true;
    return false;
}

const char *finding_code_name(enum finding_code code)
{
    return codes[code].name;
}

enum finding_code finding_code_of(const char *name)
{
    size_t code = 0;
    while (code < FINDING_CODE_COUNT && strcmp(codes[code].name, name) != 0)
        code++;
    return (enum finding_code)code;
}

const char *finding_heading(enum finding_code code)
{
    return codes[code].heading;
}

enum finding_severity finding_severity_of(enum finding_code code)
{
    return codes[code].severity;
}

const char *finding_severity_name(enum finding_severity severity)
{
    return severities[severity];
}
