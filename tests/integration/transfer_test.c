/* SPDX-License-Identifier: MIT */
#include "outbox/transfer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "base/mem.h"
#include "base/pulse.h"
#include "base/time.h"
#include "bytes.h"
#include "folder.h"

/* A port of this machine; `listens` or not: connections wait for an accept that never comes, or are
 * refused. */
static int open_port(bool listens, char url[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0, "bind: %m");
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    if (listens)
        cr_assert_eq(listen(fd, 8), 0);
    (void)snprintf(url, 64, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    return fd;
}

static struct parcel *make_parcel(const char *url)
{
    struct parcel *p = mem_calloc(1, sizeof *p);
    p->request.http = (struct http_request){
        .url = url, .body = "{}", .body_len = 2, .timeout_us = 60000000, .allow_private = true};
    return p;
}

static struct parcel *wait_for_one(struct transfer *t, int wake)
{
    struct pollfd fds = {.fd = wake, .events = POLLIN};
    eventfd_t calls;
    cr_assert_eq(poll(&fds, 1, 20000), 1, "nothing came back");
    cr_assert_eq(eventfd_read(wake, &calls), 0);
    return transfer_take(t);
}

Test(outbox_transfer, comes_back_with_what_went_wrong)
{
    struct transfer t;
    char url[64];
    int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int port = open_port(false, url);
    EXPECT_OK(transfer_start(&t, wake));
    cr_expect_null(transfer_take(&t));
    struct parcel *sent = make_parcel(url);
    transfer_send(&t, sent);
    struct parcel *p = wait_for_one(&t, wake);
    cr_assert_eq(p, sent);
    cr_expect_eq(p->failure.cls, ERR_REMOTE, "want remote, got %s: %s",
                 err_class_name(p->failure.cls), p->failure.text);
    cr_expect_null(transfer_take(&t));
    transfer_stop(&t);
    transfer_close(&t);
    free(p);
    (void)close(port);
    (void)close(wake);
}

/* While it stands in the loop's wait, where callbacks are called, too. */
Test(outbox_transfer, a_loop_that_hangs_is_noticed)
{
    struct transfer t;
    char url[64];
    char problem[200];
    int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int port = open_port(false, url);
    EXPECT_OK(transfer_start(&t, wake));
    transfer_send(&t, make_parcel(url));
    free(wait_for_one(&t, wake));
    int64_t now = time_monotonic();
    cr_expect(pulse_check(now, problem, sizeof problem), "want it well, got: %s", problem);
    cr_expect_not(pulse_check(now + PULSE_LIMIT_US + TIME_US_PER_S, problem, sizeof problem),
                  "want it stuck, had it never beaten since");
    cr_expect_not_null(strstr(problem, "the sender has made no progress"), "got: %s", problem);
    transfer_stop(&t);
    transfer_close(&t);
    (void)close(port);
    (void)close(wake);
}

Test(outbox_transfer, stop_breaks_off)
{
    enum { PARCELS = 5 };
    struct transfer t;
    char url[64];
    int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int port = open_port(true, url);
    EXPECT_OK(transfer_start(&t, wake));
    for (int i = 0; i < PARCELS; i++)
        transfer_send(&t, make_parcel(url));
    transfer_stop(&t);
    transfer_stop(&t); /* once more does nothing */
    for (int i = 0; i < PARCELS; i++) {
        struct parcel *p = transfer_take(&t);
        cr_assert_not_null(p, "want %d parcels back, got %d", PARCELS, i);
        cr_expect_eq(p->failure.cls, ERR_STOPPED, "parcel %d: want stopped, got %s: %s", i,
                     err_class_name(p->failure.cls), p->failure.text);
        free(p);
    }
    cr_expect_null(transfer_take(&t));
    transfer_close(&t);
    (void)close(port);
    (void)close(wake);
}
