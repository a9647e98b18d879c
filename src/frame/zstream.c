/* SPDX-License-Identifier: MIT */
#include "frame/zstream.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/mem.h"
#include "base/str.h"

enum { INPUT_BLOCK = 128 * 1024 };
#define EXPANSION_GRACE (UINT64_C(1) << 20) /* raw bytes that are never called a bomb */

static int window_log(uint64_t bytes)
{
    int log = 10; /* the least that zstd knows */
    while (log < 31 && (UINT64_C(1) << log) < bytes)
        log++;
    return log;
}

static void start_stream(struct zstream *z)
{
    z->input_at = z->input_end = 0;
    z->bytes_in = z->bytes_out = 0;
    z->inside_frame = z->input_done = false;
}

struct err zstream_open(struct zstream *z, const struct frame_limits *limits)
{
    z->limits = limits;
    z->input = mem_alloc(INPUT_BLOCK);
    start_stream(z);
    z->decoder = ZSTD_createDCtx();
    if (!z->decoder)
        return err_make(ERR_INTERNAL, "zstd: no decoder");
    size_t r =
        ZSTD_DCtx_setParameter(z->decoder, ZSTD_d_windowLogMax, window_log(limits->window_bytes));
    if (ZSTD_isError(r))
        return err_make(ERR_INTERNAL, "zstd: window limit: %s", ZSTD_getErrorName(r));
    return ERR_OK;
}

struct err zstream_restart(struct zstream *z)
{
    start_stream(z);
    size_t r = ZSTD_DCtx_reset(z->decoder, ZSTD_reset_session_only);
    if (ZSTD_isError(r))
        return err_make(ERR_INTERNAL, "zstd: restart: %s", ZSTD_getErrorName(r));
    return ERR_OK;
}

static struct err check_expansion(const struct zstream *z)
{
    char size[STR_HUMAN];
    const struct frame_limits *limits = z->limits;
    if (z->bytes_out > limits->raw_bytes)
        return err_make(ERR_SEGMENT, "decompresses to more than limits.raw (%s)",
                        str_size(limits->raw_bytes, size));
    if (z->bytes_out > EXPANSION_GRACE && z->bytes_out / limits->expansion > z->bytes_in)
        return err_make(ERR_SEGMENT,
                        "expands more than %" PRIu64 " times (limits.expansion): %s from %" PRIu64
                        " bytes read",
                        limits->expansion, str_size(z->bytes_out, size), z->bytes_in);
    return ERR_OK;
}

/* Behind what is left of the block. */
static struct err refill_input(struct zstream *z)
{
    size_t got = 0;
    size_t left = z->input_end - z->input_at;
    memmove(z->input, z->input + z->input_at, left);
    z->input_at = 0;
    z->input_end = left;
    TRY(z->fill(z->context, z->input + left, INPUT_BLOCK - left, &got));
    z->input_end += got;
    z->bytes_in += got;
    z->input_done = got == 0;
    return ERR_OK;
}

/* Debian's libzstd still reads the formats before 0.8, and holds none of them to the window limit.
 */
static struct err check_magic(struct zstream *z)
{
    uint32_t magic;
    while (z->input_end - z->input_at < sizeof magic && !z->input_done)
        TRY(refill_input(z));
    if (z->input_end - z->input_at < sizeof magic)
        return ERR_OK; /* the decoder says what is wrong with so few bytes */
    memcpy(&magic, z->input + z->input_at, sizeof magic);
    magic = le32toh(magic);
    if (magic != ZSTD_MAGICNUMBER &&
        (magic & ZSTD_MAGIC_SKIPPABLE_MASK) != ZSTD_MAGIC_SKIPPABLE_START)
        return err_make(ERR_SEGMENT,
                        "bad zstd near byte %" PRIu64 " of the file: no frame starts there",
                        z->bytes_in - (z->input_end - z->input_at));
    return ERR_OK;
}

static struct err decode_error(const struct zstream *z, size_t code)
{
    char size[STR_HUMAN];
    if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge)
        return err_make(ERR_SEGMENT, "zstd window is larger than limits.window (%s)",
                        str_size(z->limits->window_bytes, size));
    return err_make(ERR_SEGMENT, "bad zstd near byte %" PRIu64 " of the file: %s",
                    z->bytes_in - (z->input_end - z->input_at), ZSTD_getErrorName(code));
}

struct err zstream_fill(void *zstream, uint8_t *room, size_t size, size_t *got)
{
    struct zstream *z = zstream;
    ZSTD_outBuffer out = {room, size, 0};
    *got = 0;
    while (out.pos == 0) {
        if (z->input_at == z->input_end && !z->input_done)
            TRY(refill_input(z));
        if (!z->inside_frame)
            TRY(check_magic(z));
        ZSTD_inBuffer in = {z->input, z->input_end, z->input_at};
        if (z->input_done && z->input_at == z->input_end && !z->inside_frame) {
            if (z->bytes_in == 0)
                return err_make(ERR_SEGMENT, "empty file: not even a zstd header");
            return ERR_OK;
        }
        size_t r = ZSTD_decompressStream(z->decoder, &out, &in);
        if (ZSTD_isError(r))
            return decode_error(z, r);
        z->input_at = in.pos;
        /* Inside a frame with no input left, nothing more can come: the file was cut. */
        if (r != 0 && z->input_done && z->input_at == z->input_end && out.pos == 0)
            return err_make(ERR_SEGMENT, "cut short: the file ends inside a zstd frame");
        z->inside_frame = r != 0;
    }
    z->bytes_out += out.pos;
    TRY(check_expansion(z));
    *got = out.pos;
    return ERR_OK;
}

void zstream_close(struct zstream *z)
{
    (void)ZSTD_freeDCtx(z->decoder);
    free(z->input);
    z->decoder = NULL;
    z->input = NULL;
}
