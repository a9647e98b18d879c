/* SPDX-License-Identifier: MIT */
#include "daemon/service.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "base/pulse.h"
#include "base/str.h"
#include "base/time.h"
#include "base/utf8.h"

#define TURN_US TIME_US_PER_S
#define TELL_US (3 * TIME_US_PER_S) /* at most so often: each line goes to the system's manager */

/* A quarter of what systemd grants: three may come late. */
void service_open(struct service *s)
{
    uint64_t usec = 0;
    *s = (struct service){.fed_us = time_monotonic()};
    if (sd_watchdog_enabled(0, &usec) > 0)
        s->feed_us = (int64_t)(usec / 4);
}

int64_t service_period_us(const struct service *s)
{
    return s->feed_us > 0 && s->feed_us < TURN_US ? s->feed_us : TURN_US;
}

/* Nobody may listen; then there is nobody to tell that, either. */
static void notify(const char *text)
{
    (void)sd_notify(0, text);
}

static bool is_well(struct service *s, int64_t now_us)
{
    char problem[SERVICE_STATUS];
    bool well = pulse_check(now_us, problem, sizeof problem);
    if (!well && !s->is_stuck)
        LOG_ERROR("stuck", LOG_STR("problem", problem));
    else if (well && s->is_stuck)
        LOG_WARN("no longer stuck");
    s->is_stuck = !well;
    return well;
}

static void tell(struct service *s, const char *status, int64_t now_us)
{
    char text[SERVICE_STATUS + 8];
    if (strcmp(status, s->told) == 0 || (*s->told && now_us - s->told_us < TELL_US))
        return;
    (void)snprintf(s->told, sizeof s->told, "%s", status);
    (void)snprintf(text, sizeof text, "STATUS=%s", s->told);
    s->told_us = now_us;
    notify(text);
}

void service_turn(struct service *s, const char *status)
{
    int64_t now_us = time_monotonic();
    bool well = is_well(s, now_us);
    if (well && s->feed_us > 0 && now_us - s->fed_us >= s->feed_us) {
        s->fed_us = now_us;
        notify("WATCHDOG=1");
    }
    tell(s, status, now_us);
}

static const char *first_stall(const struct view *v, const char **gate)
{
    for (size_t i = 0; i < v->gate_count; i++)
        if (v->gates[i].stall != VIEW_NOT_STALLED) {
            *gate = v->gates[i].name;
            return v->gates[i].stalled;
        }
    return NULL;
}

static void put(char line[SERVICE_STATUS], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What doesn't fit is cut off, at a character's end: it is shown as text. A line's end would begin
 * another message to systemd, and names of tables and columns may hold one. */
static void put(char line[SERVICE_STATUS], const char *format, ...)
{
    size_t len = strlen(line);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line + len, SERVICE_STATUS - len, format, args);
    va_end(args);
    for (char *p = line + len; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    len = strlen(line);
    line[utf8_check((const uint8_t *)line, len)] = '\0';
}

void service_describe(const struct view *v, bool is_refused, char line[SERVICE_STATUS])
{
    uint64_t waiting = 0;
    uint64_t bytes = 0;
    char count[STR_HUMAN];
    char size[STR_HUMAN];
    const char *gate = NULL;
    for (size_t i = 0; i < v->gate_count; i++) {
        waiting += v->gates[i].waiting;
        bytes += v->gates[i].bytes;
    }
    *line = '\0';
    put(line, "%s%zu gate%s: ", v->stopping ? "stopping; " : "", v->gate_count,
        v->gate_count == 1 ? "" : "s");
    if (waiting > 0)
        put(line, "%s segment%s (%s) wait%s", str_count(waiting, count), waiting == 1 ? "" : "s",
            str_size(bytes, size), waiting == 1 ? "s" : "");
    else
        put(line, "nothing waits");
    if (v->job_count > 0)
        put(line, ", %zu batch%s in hand", v->job_count, v->job_count == 1 ? "" : "es");
    if (is_refused)
        put(line, "; the last reload was refused");
    const char *stall = first_stall(v, &gate);
    if (stall)
        put(line, "; gate %s is stalled: %s", gate, stall);
    else if (*v->database_error)
        put(line, "; no database: %s", v->database_error);
}

void service_ready(void)
{
    notify("READY=1");
}

/* Since 253 systemd wants to know when, to tell this reload from one before (Type=notify-reload).
 */
void service_reloading(void)
{
    char text[64];
    (void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, time_monotonic());
    notify(text);
}

static void end_silently(int number)
{
    (void)number;
    _exit(0);
}

void service_end_by(int64_t most_us)
{
    const struct itimerval end = {
        .it_value = {.tv_sec = most_us / TIME_US_PER_S, .tv_usec = most_us % TIME_US_PER_S}};
    (void)signal(SIGALRM, end_silently);
    (void)setitimer(ITIMER_REAL, &end, NULL);
}

void service_stopping(void)
{
    notify("STOPPING=1");
}
