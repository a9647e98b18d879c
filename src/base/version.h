/* SPDX-License-Identifier: MIT */
/* version: one number for the programs, the receipts and the packages. Read by the Makefile, too.
 */
#ifndef SPOOLGATE_BASE_VERSION_H
#define SPOOLGATE_BASE_VERSION_H

#define SPOOLGATE_VERSION "0.1.0"
#define SPOOLGATE_DATE    "November 21, 2026" /* of the manuals */

#endif
