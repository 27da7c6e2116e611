/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KUnit suites of per-device coherent memory share
 *
 * The memory of a region is a *bank*, pages from the page allocator. Most banks
 * are declared at their true physical address and mapped for real. Some pretend
 * to be at another address, and then the mapping is stubbed. A device gets an
 * address for the bank that has nothing to do with the physical one.
 *
 * Functions that take a struct kunit expect that its priv is the fixture, and end
 * the test where they can't do what they are for.
 */
#ifndef _DMA_COHERENT_FIXTURE_H
#define _DMA_COHERENT_FIXTURE_H

#include <kunit/test.h>
#include <linux/device.h>
#include <linux/kmsg_dump.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "../dma-coherent.h"

struct file;

#define POOL_PAGES	32
#define POOL_SIZE	(POOL_PAGES * PAGE_SIZE)
#define HANDLE		((dma_addr_t)0x40000000)
#define DIRT		0xa5
#define MAX_BANKS	4

/**
 * struct bank - memory for a region
 * @mem: where it is
 * @size: bytes
 * @base: the physical address that it has, or pretends to have
 * @before: bytes in front of it that were allocated with it
 * @name: where firmware describes it
 */
struct bank {
	void *mem;
	size_t size;
	phys_addr_t base;
	size_t before;
	char name[8];
};

/**
 * struct fixture - what each test starts with
 * @dev: a device without memory of its own
 * @other: another one
 * @bank: @banks of them; the first has POOL_PAGES pages
 * @banks: how many
 * @permanent_bank: one more, that stays when the test is over; NULL for none
 * @maps: calls of the mapping stub
 * @map_fails: the mapping stub returns NULL
 * @while_mapping: called once by the mapping stub; NULL for nothing
 * @api_errors: what the debugging of the DMA API must have counted in the end
 * @log: up to where the kernel's log has been read
 * @priv: what a suite has besides
 */
struct fixture {
	struct device *dev;
	struct device *other;
	struct bank bank[MAX_BANKS];
	unsigned int banks;
	const struct bank *permanent_bank;
	unsigned int maps;
	bool map_fails;
	void (*while_mapping)(struct kunit *test);
	u32 api_errors;
	struct kmsg_dump_iter log;
	void *priv;
};

int fixture_init(struct kunit *test);
void fixture_exit(struct kunit *test);

/* Banks */

struct bank *fx_add_bank(struct kunit *test, unsigned long pages);
struct bank *fx_add_bank_at(struct kunit *test, unsigned long pages, phys_addr_t base);
struct bank *fx_add_bank_behind(struct kunit *test, unsigned long before, unsigned long pages);
void *fx_bank_at(const struct bank *bank, phys_addr_t base);
void *fx_map_bank(phys_addr_t base, size_t size, const char **why);
void fx_stub_mapping(struct kunit *test);
void fx_use_true_mapping(struct kunit *test);

/* What a device has. Where there is no number, it is the first of its regions. */

struct dma_coherent_mem *fx_mem(struct device *dev, unsigned int n);
struct dma_coherent_region *fx_nth_region(struct device *dev, unsigned int n);
struct dma_coherent_region *fx_region(struct device *dev);
unsigned long fx_used(struct device *dev);
unsigned long fx_failures(struct device *dev, enum dma_coherent_failure cause);
unsigned long fx_frees(struct device *dev, enum dma_coherent_verdict verdict);
unsigned long fx_page(struct device *dev, const void *vaddr);
bool fx_run_at(struct dma_coherent_region *region, unsigned long page,
	       struct dma_coherent_run *run);
const char *fx_region_fault(struct dma_coherent_region *region);
void fx_expect_pool(struct kunit *test, struct device *dev, unsigned long used_pages);

/* Attach, allocate and free */

int fx_declare(struct device *dev, const struct bank *bank);
int fx_declare_at(struct device *dev, const struct bank *bank, dma_addr_t handle,
		  unsigned int flags);
struct dma_coherent_spec fx_spec(const struct bank *bank);
int fx_attach(struct device *dev, const struct bank *bank);
void fx_detach(struct device *dev, enum dma_coherent_source source, const struct bank *bank);
void *fx_alloc(struct kunit *test, struct device *dev, unsigned long pages);
bool fx_alloc_fails(struct device *dev, ssize_t size);
bool fx_alloc_ignored(struct device *dev, ssize_t size);
int fx_free(struct device *dev, unsigned long pages, void *vaddr);
void fx_drain(struct device *dev);

/* Large pools */

#ifdef CONFIG_64BIT
#define BEHIND_5G	(5UL * SZ_1G / PAGE_SIZE)

void fx_fill_5g(struct kunit *test, void *mem, unsigned long pages);
#endif

/* Mappings of user space */

/**
 * struct view - what a test maps to user space
 * @dev: the device; NULL for the global pool
 * @vaddr: what the driver passes
 * @size: likewise
 * @pgoff: set in the vma
 * @prot: where the vma's page attributes go once it is mapped, or NULL
 * @mmap: what maps it in place of dma_mmap_coherent(), or NULL
 */
struct view {
	struct device *dev;
	void *vaddr;
	size_t size;
	unsigned long pgoff;
	pgprot_t *prot;
	int (*mmap)(struct device *dev, struct vm_area_struct *vma, void *vaddr, size_t size,
		    int *ret);
};

struct file *fx_open(struct kunit *test, struct view *view);
unsigned long fx_mmap(struct kunit *test, const struct view *view, unsigned long pages);
void fx_expect_user_word(struct kunit *test, unsigned long addr, u32 word);
void fx_write_user_word(struct kunit *test, unsigned long addr, u32 word);

/* The kernel's log */

void fx_log_start(struct kunit *test);
const char *fx_log_next(struct kunit *test);
unsigned int fx_log_count(struct kunit *test, const char *part);
void fx_expect_message(struct kunit *test, const char *format, ...) __printf(2, 3);
void fx_expect_no_message(struct kunit *test);

/* Allocations that fail, with CONFIG_FAILSLAB */

bool fx_failslab_set_up(void);
void fx_failslab_arm(unsigned int nth);
bool fx_failslab_disarm(void);
void fx_need_failslab(struct kunit *test);
void fx_fail_each_allocation(struct kunit *test,
			     int (*declare_it)(struct device *dev, const struct bank *bank),
			     unsigned int allocations);

/* The debugging of the DMA API, with CONFIG_DMA_API_DEBUG */

void fx_need_api_debug(struct kunit *test);
void fx_expect_api_errors(struct kunit *test, u32 errors);
void fx_check_api_errors(struct kunit *test);

#endif /* _DMA_COHERENT_FIXTURE_H */
