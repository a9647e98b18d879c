/* SPDX-License-Identifier: MIT */
/*
 * time: instants are int64_t microseconds since 1970-01-01T00:00:00Z, durations are microseconds.
 * The calendar is the proleptic Gregorian one, as in Postgres; leap seconds don't exist.
 */
#ifndef SPOOLGATE_BASE_TIME_H
#define SPOOLGATE_BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_US_PER_MS  INT64_C(1000)
#define TIME_US_PER_S   INT64_C(1000000)
#define TIME_US_PER_DAY (INT64_C(86400) * TIME_US_PER_S)
#define TIME_PG_EPOCH_US \
    (INT64_C(946684800) * TIME_US_PER_S) /* 2000-01-01, where timestamptz starts */
#define TIME_TEXT 40

int64_t time_now(void);       /* wall clock */
int64_t time_monotonic(void); /* for measuring and for timeouts */

/* The day that an instant falls in, counted from 1970-01-01 (rounds down before it). */
int64_t time_day(int64_t us);

struct time_date {
    int year, month, day;
};
struct time_date time_date_of_day(int64_t day);
int64_t time_day_of_date(int year, int month, int day);

/* "2026-11-21T01:57:01.25Z"; fraction only when there is one. Returns text. */
const char *time_format(int64_t us, char text[TIME_TEXT]);

/*
 * RFC 3339, and the forms that producers really write: a space in place of T, lower-case t and z,
 * any number of fraction digits (cut to microseconds), offsets +02:00, +0200, +02. An offset is
 * required.
 */
bool time_parse(const char *text, size_t len, int64_t *us);

#endif
