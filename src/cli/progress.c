/* SPDX-License-Identifier: MIT */
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"

#define EVERY_US (100 * TIME_US_PER_MS)
#define ERASE    "\r\033[K"

enum { BAR = 24, LINE = 200, WIDTH = 80 };

void progress_open(struct progress *p, const char *name)
{
    const char *term = getenv("TERM");
    *p = (struct progress){.name = name, .begun_us = time_monotonic()};
    p->is_on = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
    if (p->is_on)
        log_set_prefix(ERASE);
}

bool progress_is_due(struct progress *p)
{
    return p->is_on && time_monotonic() - p->shown_us >= EVERY_US;
}

static size_t line_width(void)
{
    struct winsize size;
    size_t width =
        ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : WIDTH;
    return width - 1; /* a full line would wrap */
}

void progress_show(struct progress *p, uint64_t done, uint64_t of, const char *text)
{
    char bar[2 * BAR + 8] = "";
    char line[LINE];
    if (!p->is_on)
        return;
    if (of > 0) {
        size_t filled = (size_t)((double)(done < of ? done : of) / (double)of * BAR);
        (void)snprintf(bar, sizeof bar, "[%.*s%.*s]  ", (int)filled, "########################",
                       (int)(BAR - filled), "........................");
    }
    (void)snprintf(line, sizeof line, "%s  %s%s", p->name, bar, text);
    (void)fprintf(stderr, ERASE "%.*s", (int)line_width(), line);
    p->shown_us = time_monotonic();
}

uint64_t progress_rate(const struct progress *p, uint64_t count)
{
    int64_t took_us = time_monotonic() - p->begun_us;
    return took_us > 0 ? (uint64_t)((double)count * 1e6 / (double)took_us) : 0;
}

void progress_close(struct progress *p)
{
    if (!p->is_on)
        return;
    log_set_prefix("");
    if (p->shown_us != 0)
        (void)fputs(ERASE, stderr);
    p->is_on = false;
}
