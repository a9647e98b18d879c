/* SPDX-License-Identifier: MIT */
/*
 * ready: do segments become rows now? Pure.
 *
 *     struct buf reasons = {0};
 *     ready_judge(&view, &reasons);         // a line for each reason why not; empty: they do
 *
 * A gate that is held by hand is none: somebody wants it so.
 */
#ifndef SPOOLGATE_WEB_READY_H
#define SPOOLGATE_WEB_READY_H

#include "base/buf.h"
#include "status/view.h"

void ready_judge(const struct view *v, struct buf *reasons);

#endif
