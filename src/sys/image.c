/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages of programs and libraries that were written to when they were loaded: tables of
 * addresses, variables. They are private memory, and whoever forks pays for each area of it, more
 * with every process that lives at the same time. Here they become a view of a sealed copy each,
 * which is private only page by page, where somebody writes. The constants in front of an area come
 * along when they are few: one area less to fork.
 */
#include "sys/spawn.h"
#include "sys/sys.h"
#include "sys/sys_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { AREAS_MAX = 96, PAGE = 4096, CONSTANTS_MAX = 256 * 1024 };

struct area {
	uintptr_t from, to;
	int prot;
};

struct areas {
	struct area list[AREAS_MAX];
	size_t n;
};

static uintptr_t
page_down(uintptr_t at)
{
	return at & ~(uintptr_t)(PAGE - 1);
}

static void
add(struct areas *a, uintptr_t from, uintptr_t to, int prot)
{
	if (from < to && a->n < AREAS_MAX) {
		a->list[a->n++] = (struct area){ from, to, prot };
	}
}

/* What the loader has closed again after it wrote there (RELRO): the beginning of a segment. */
static uintptr_t
closed_until(const struct dl_phdr_info *o, uintptr_t from)
{
	for (size_t i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *s = &o->dlpi_phdr[i];
		uintptr_t begin = o->dlpi_addr + s->p_vaddr;
		if (s->p_type == PT_GNU_RELRO && page_down(begin) == from) {
			return page_down(begin + s->p_memsz);
		}
	}
	return from;
}

/* Where the constants begin that end at `to`. */
static uintptr_t
constants_from(const struct dl_phdr_info *o, uintptr_t to)
{
	for (size_t i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *s = &o->dlpi_phdr[i];
		uintptr_t begin = o->dlpi_addr + s->p_vaddr;
		uintptr_t end = page_down(begin + s->p_filesz + PAGE - 1);
		if (s->p_type == PT_LOAD && s->p_flags == PF_R && end == to &&
		    end - page_down(begin) <= CONSTANTS_MAX) {
			return page_down(begin);
		}
	}
	return to;
}

/* The part of a writable segment that lies in the file. */
static void
add_segment(struct areas *a, const struct dl_phdr_info *o, const ElfW(Phdr) * s)
{
	uintptr_t begin = o->dlpi_addr + s->p_vaddr;
	uintptr_t from = page_down(begin);
	uintptr_t to = page_down(begin + s->p_filesz + PAGE - 1);
	uintptr_t closed = MIN(closed_until(o, from), to);
	if (closed > from) {
		add(a, constants_from(o, from), closed, PROT_READ);
	}
	add(a, closed, to, PROT_READ | PROT_WRITE);
}

static int
on_object(struct dl_phdr_info *o, size_t size, void *ctx)
{
	for (size_t i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *s = &o->dlpi_phdr[i];
		if (s->p_type == PT_LOAD && (s->p_flags & (PF_W | PF_X)) == PF_W) {
			add_segment(ctx, o, s);
		}
	}
	return 0; /* go on */
}

/*
 * Between the copy and its coming into place nothing may change a variable: system calls only, and
 * not by the functions that tools for finding mistakes put their own in place of.
 */
static enum err
replace(const struct area *a)
{
	int copy SYS_FD_AUTO = sys_must_fail()
	    ? -1
	    : memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0) {
		return sys_err(errno);
	}
	size_t n = a->to - a->from;
	if (syscall(SYS_pwrite64, copy, a->from, n, 0) != (long)n) {
		return ERR_IO;
	}
	if (syscall(SYS_fcntl, copy, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) !=
	    0) {
		return ERR_UNSUPPORTED;
	}
	long at = syscall(SYS_mmap, a->from, n, a->prot, MAP_PRIVATE | MAP_FIXED, copy, 0);
	return at == (long)a->from ? ERR_OK : ERR_NOMEM;
}

enum err
sys_image_settle(void)
{
	struct areas a = { .n = 0 };
	if (sysconf(_SC_PAGESIZE) != PAGE) {
		return ERR_UNSUPPORTED;
	}
	dl_iterate_phdr(on_object, &a);
	for (size_t i = 0; i < a.n; i++) {
		TRY(replace(&a.list[i]));
	}
	return ERR_OK;
}
