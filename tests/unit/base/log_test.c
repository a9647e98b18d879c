/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <fcntl.h>
#include <regex.h>
#include <unistd.h>

#include "bytes.h"

/* Each test is a process of its own, so stderr is ours to turn away. */
static void divert_stderr(int fds[2])
{
    cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
    cr_assert(dup2(fds[1], STDERR_FILENO) >= 0);
}

/* What was logged since the last call, the time stamp replaced by T. */
static void logged(int fd, char text[BYTES_TEXT])
{
    char raw[BYTES_TEXT];
    regex_t stamp;
    regmatch_t at;
    ssize_t n = read(fd, raw, sizeof raw - 1);
    raw[n < 0 ? 0 : n] = '\0';
    cr_assert_eq(
        regcomp(&stamp, "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\\.[0-9]{1,3})?Z", REG_EXTENDED), 0);
    if (regexec(&stamp, raw, 1, &at, 0) == 0)
        (void)snprintf(text, BYTES_TEXT, "%.*sT%s", (int)at.rm_so, raw, raw + at.rm_eo);
    else
        (void)snprintf(text, BYTES_TEXT, "%s", raw);
    regfree(&stamp);
}

struct row {
    const char *message;
    struct log_field fields[4];
    const char *logfmt, *json;
};

static const struct row rows[] = {
    {"start",
     {{0}},
     "ts=T level=info msg=start\n",
     "{\"ts\":\"T\",\"level\":\"info\",\"msg\":\"start\"}\n"},
    {"batch loaded",
     {LOG_STR("batch", "0193-a"), LOG_INT("rows", -5), LOG_DURATION("took", 152000)},
     "ts=T level=info msg=\"batch loaded\" batch=0193-a rows=-5 took=0.152000\n",
     "{\"ts\":\"T\",\"level\":\"info\",\"msg\":\"batch loaded\",\"batch\":\"0193-a\",\"rows\":-5,"
     "\"took\":0.152000}\n"},
    {"odd values",
     {LOG_STR("none", NULL), LOG_STR("empty", ""), LOG_STR("eq", "a=b")},
     "ts=T level=info msg=\"odd values\" none=\"\" empty=\"\" eq=\"a=b\"\n",
     "{\"ts\":\"T\",\"level\":\"info\",\"msg\":\"odd values\",\"none\":null,\"empty\":\"\","
     "\"eq\":\"a=b\"}\n"},
    /* nothing that a producer sends makes a second line, or one that isn't UTF-8 */
    {"forged",
     {LOG_STR("name", "x\nts=1 level=info"), LOG_STR("quote", "say \"hi\""),
      LOG_STR("raw", "\xff")},
     "ts=T level=info msg=forged name=\"x\\nts=1 level=info\" quote=\"say \\\"hi\\\"\" "
     "raw=\"\xef\xbf\xbd\"\n",
     "{\"ts\":\"T\",\"level\":\"info\",\"msg\":\"forged\",\"name\":\"x\\nts=1 level=info\","
     "\"quote\":\"say \\\"hi\\\"\",\"raw\":\"\xef\xbf\xbd\"}\n"},
    {"text",
     {LOG_STR("text", "caf\xc3\xa9"), LOG_STR("back", "a\\b")},
     "ts=T level=info msg=text text=caf\xc3\xa9 back=\"a\\\\b\"\n",
     "{\"ts\":\"T\",\"level\":\"info\",\"msg\":\"text\",\"text\":\"caf\xc3\xa9\","
     "\"back\":\"a\\\\b\"}\n"},
};

Test(base_log, formats)
{
    int fds[2];
    divert_stderr(fds);
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int json = 0; json < 2; json++) {
            char got[BYTES_TEXT];
            const char *want = json ? rows[i].json : rows[i].logfmt;
            log_configure(json ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT, LOG_LEVEL_DEBUG);
            log_write(LOG_LEVEL_INFO, rows[i].message, rows[i].fields);
            logged(fds[0], got);
            cr_expect_str_eq(got, want, "row %zu\nwant: %s\n got: %s", i, want, got);
        }
}

Test(base_log, levels)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    int fds[2];
    divert_stderr(fds);
    for (int least = LOG_LEVEL_DEBUG; least <= LOG_LEVEL_ERROR; least++) {
        log_configure(LOG_FORMAT_LOGFMT, (enum log_level)least);
        for (int level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++) {
            char got[BYTES_TEXT];
            char want[BYTES_TEXT] = "";
            if (level >= least)
                (void)snprintf(want, sizeof want, "ts=T level=%s msg=x\n", names[level]);
            log_write((enum log_level)level, "x", (const struct log_field[]){{0}});
            logged(fds[0], got);
            cr_expect_str_eq(got, want, "level %s of %s\nwant: %s\n got: %s", names[level],
                             names[least], want, got);
        }
    }
}

/* The macros: fields or none. */
Test(base_log, macros)
{
    int fds[2];
    char got[BYTES_TEXT];
    divert_stderr(fds);
    LOG_WARN("alone");
    logged(fds[0], got);
    cr_expect_str_eq(got, "ts=T level=warn msg=alone\n", "got: %s", got);
    LOG_ERROR("with", LOG_INT("n", 1), LOG_STR("s", "x"));
    logged(fds[0], got);
    cr_expect_str_eq(got, "ts=T level=error msg=with n=1 s=x\n", "got: %s", got);
    LOG_DEBUG("below the default level");
    logged(fds[0], got);
    cr_expect_str_eq(got, "", "got: %s", got);
}

Test(base_log, prefix)
{
    int fds[2];
    char got[BYTES_TEXT];
    divert_stderr(fds);
    log_set_prefix("\r\033[K");
    LOG_INFO("above a progress bar");
    logged(fds[0], got);
    cr_expect_str_eq(got, "\r\033[Kts=T level=info msg=\"above a progress bar\"\n", "got: %s", got);
    log_set_prefix("");
    LOG_INFO("alone");
    logged(fds[0], got);
    cr_expect_str_eq(got, "ts=T level=info msg=alone\n", "got: %s", got);
}
