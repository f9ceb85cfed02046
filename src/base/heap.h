/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose heap it is. AddressSanitizer brings one of its own, of which little is true that mem.c
 * knows of the C library's: then HEAP_OTHER is defined. gcc tells by a macro, clang by a feature.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#if defined __SANITIZE_ADDRESS__
#define HEAP_OTHER
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define HEAP_OTHER
#endif
#endif

#endif
