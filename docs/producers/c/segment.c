/* SPDX-License-Identifier: MIT */
/*
 * A producer in C without a library: writes a segment of COUNT metrics into the spool, and prints
 * its path.
 *
 *     gcc -O2 -Wall -Wextra -o segment segment.c && ./segment /var/spool/spoolgate 1000
 *
 * Copy what is above main(). A struct segment is one file: open, frames, publish.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

struct segment {
    FILE *file;
    char draft[4096], path[4096]; /* SPOOL/tmp/.NAME.tmp, SPOOL/incoming/NAME */
    char folder[4096];            /* SPOOL/incoming */
    uint64_t frames;
};

/* ---- msgpack ---- */

/* `type`, and the number behind it in so many bytes, the highest first. */
static void put_number(struct segment *s, uint8_t type, uint64_t number, int bytes)
{
    putc(type, s->file);
    for (int i = bytes - 1; i >= 0; i--)
        putc((int)(number >> (8 * i) & 0xff), s->file);
}

static void put_map(struct segment *s, unsigned keys) /* up to 15 of them */
{
    putc((int)(0x80 | keys), s->file);
}

static void put_text(struct segment *s, const char *text) /* must be UTF-8 */
{
    size_t len = strlen(text);
    if (len < 32)
        putc((int)(0xa0 | len), s->file);
    else if (len <= 0xffff)
        put_number(s, 0xda, len, 2);
    else
        put_number(s, 0xdb, len, 4);
    fwrite(text, 1, len, s->file);
}

static void put_double(struct segment *s, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_number(s, 0xcb, bits, 8);
}

static void put_time(struct segment *s, struct timespec t) /* ext -1: nanoseconds and seconds */
{
    put_number(s, 0xd7, 0xff, 1);
    for (int i = 7; i >= 0; i--)
        putc((int)(((uint64_t)t.tv_nsec << 34 | (uint64_t)t.tv_sec) >> (8 * i) & 0xff), s->file);
}

/* ---- the protocol ---- */

/* errno says why. What was there of the segment is gone. */
static int segment_abandon(struct segment *s)
{
    int why = errno;
    if (s->file)
        fclose(s->file);
    unlink(s->draft);
    errno = why;
    return -1;
}

/* The time makes names sort, the random number makes them differ between processes and hosts. */
static int segment_open(struct segment *s, const char *spool)
{
    uint64_t random;
    struct timespec now;
    char name[80];
    *s = (struct segment){0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return -1;
    snprintf(name, sizeof name, "c-%lld%09ld-%016llx.msgpack", (long long)now.tv_sec, now.tv_nsec,
             (unsigned long long)random);
    if (strlen(spool) > 3900) {
        errno = ENAMETOOLONG;
        return -1;
    }
    sprintf(s->folder, "%s/incoming", spool);
    sprintf(s->draft, "%s/tmp/.%s.tmp", spool, name);
    sprintf(s->path, "%s/incoming/%s", spool, name);
    int fd = open(s->draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return -1;
    s->file = fdopen(fd, "w");
    if (s->file)
        return 0;
    close(fd);
    return segment_abandon(s);
}

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return result;
}

/* 0: it is in incoming/, and survives a power cut. -1: it isn't, and may be made again; or, with
 * *is_there, it is there, and only a power cut could take it back. */
static int segment_publish(struct segment *s, int *is_there)
{
    *is_there = 0;
    put_map(s, 2); /* the seal: it proves that nothing is missing */
    put_text(s, "kind");
    put_text(s, "seal");
    put_text(s, "frames");
    put_number(s, 0xcf, s->frames, 8);
    if (ferror(s->file) || fflush(s->file) != 0 || fsync(fileno(s->file)) != 0)
        return segment_abandon(s);
    int closed = fclose(s->file);
    s->file = NULL;
    if (closed != 0 || rename(s->draft, s->path) != 0)
        return segment_abandon(s);
    *is_there = 1;
    return sync_folder(s->folder);
}

/* ---- what this producer sends ---- */

static void put_metric(struct segment *s, const char *source, const char *name, double value)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    put_map(s, 5);
    put_text(s, "kind");
    put_text(s, "metric");
    put_text(s, "ts");
    put_time(s, now);
    put_text(s, "source");
    put_text(s, source);
    put_text(s, "name");
    put_text(s, name);
    put_text(s, "value");
    put_double(s, value);
    s->frames++;
}

int main(int argc, char **argv)
{
    struct segment s;
    char host[256] = "";
    int is_there;
    if (argc != 3) {
        fprintf(stderr, "usage: segment SPOOL COUNT\n");
        return 64;
    }
    gethostname(host, sizeof host - 1);
    if (segment_open(&s, argv[1]) != 0) {
        fprintf(stderr, "segment: can't create %s: %s\n", s.draft, strerror(errno));
        return 73;
    }
    for (long i = 0; i < atol(argv[2]); i++)
        put_metric(&s, host, "recipe", (double)i / 2);
    if (segment_publish(&s, &is_there) != 0) {
        fprintf(stderr, "segment: can't %s %s: %s\n", is_there ? "sync the folder of" : "publish",
                s.path, strerror(errno));
        return 73;
    }
    printf("%s\n", s.path);
    return 0;
}
