/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the suites of per-device coherent memory: devices, and memory for them
 *
 * The memory of a region is a *bank*, pages from the page allocator. Most banks
 * are declared at their true physical address and mapped for real; some
 * pretend to be elsewhere, and then the mapping step is stubbed. A device is
 * given an address for the bank that has nothing to do with the physical one.
 *
 * The address, the attachments and the pool that a test looks at are taken from
 * the private structures, and so are the counters: no suite with this reads the log.
 *
 * Fn and Rn in front of a test name the faults and the regression cases in the
 * table in tools/testing/dma-coherent/README.md.
 */
#ifndef _DMA_COHERENT_FIXTURE_H
#define _DMA_COHERENT_FIXTURE_H

#include <kunit/device.h>
#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../dma-coherent.h"
#include "dma-coherent-drain.h"

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
 * @lasting: one more, that stays when the test is over; NULL for none
 * @maps: calls of the mapping stub
 * @map_fails: it returns NULL
 * @while_mapping: what happens meanwhile, once; NULL for nothing
 * @api_errors: what the DMA API's debugging has counted, and is to count
 */
struct fixture {
	struct device *dev;
	struct device *other;
	struct bank bank[MAX_BANKS];
	unsigned int banks;
	const struct bank *lasting;
	unsigned int maps;
	bool map_fails;
	void (*while_mapping)(struct kunit *test);
	u32 api_errors;
};

/* Banks */

static inline void *bank_map(const struct bank *bank, phys_addr_t base)
{
	return base >= bank->base && base - bank->base < bank->size ?
	       bank->mem + (base - bank->base) : NULL;
}

static inline void *map_stub(phys_addr_t base, size_t size, const char **why)
{
	struct kunit *test = kunit_get_current_test();
	struct fixture *fx = test->priv;
	void *mem = fx->lasting ? bank_map(fx->lasting, base) : NULL;
	void (*meanwhile)(struct kunit *test) = fx->while_mapping;
	unsigned int i;

	fx->maps++;
	fx->while_mapping = NULL;
	if (meanwhile)
		meanwhile(test);
	for (i = 0; i < fx->banks && !mem; i++)
		mem = bank_map(&fx->bank[i], base);
	*why = "has no mapping";
	return fx->map_fails ? NULL : mem;
}

static inline void stub_mapping(struct kunit *test)
{
	kunit_activate_static_stub(test, dma_coherent_map, map_stub);
}

static inline void free_bank(void *arg)
{
	struct bank *bank = arg;

	free_pages_exact(bank->mem - bank->before, bank->before + bank->size);
}

/* A bank of @pages that begins @before pages behind an aligned address. */
static inline struct bank *add_bank_behind(struct kunit *test,
					   unsigned long before,
					   unsigned long pages)
{
	struct fixture *fx = test->priv;
	struct bank *bank = &fx->bank[fx->banks];

	KUNIT_ASSERT_LT(test, fx->banks, MAX_BANKS);
	bank->before = before * PAGE_SIZE;
	bank->size = pages * PAGE_SIZE;
	bank->mem = alloc_pages_exact(bank->before + bank->size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bank->mem);
	bank->mem += bank->before;
	memset(bank->mem, DIRT, bank->size);
	bank->base = virt_to_phys(bank->mem);
	snprintf(bank->name, sizeof(bank->name), "bank%u", fx->banks++);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_bank, bank), 0);
	return bank;
}

static inline struct bank *add_bank(struct kunit *test, unsigned long pages)
{
	return add_bank_behind(test, 0, pages);
}

static inline struct bank *add_bank_at(struct kunit *test, unsigned long pages,
				       phys_addr_t base)
{
	struct bank *bank = add_bank(test, pages);

	bank->base = base;
	stub_mapping(test);
	return bank;
}

/* What a device has */

static inline struct dma_coherent_mem *nth_mem(struct device *dev, unsigned int n)
{
	struct dma_coherent_mem *mem = READ_ONCE(dev->dma_mem);

	while (mem && n--)
		mem = rcu_dereference_raw(mem->next);
	return mem;
}

static inline struct dma_coherent_region *nth_region(struct device *dev, unsigned int n)
{
	return nth_mem(dev, n)->region;
}

static inline struct dma_coherent_region *region_of(struct device *dev)
{
	return nth_region(dev, 0);
}

static inline unsigned long used(struct device *dev)
{
	return region_of(dev)->pool.used_pages;
}

static inline unsigned long refusals(struct device *dev, enum dma_coherent_refusal cause)
{
	return region_of(dev)->stats.refusals[cause];
}

static inline unsigned long frees(struct device *dev, enum dma_coherent_free verdict)
{
	return region_of(dev)->stats.frees[verdict];
}

static inline unsigned long page_of(struct device *dev, const void *vaddr)
{
	return PFN_DOWN(vaddr - region_of(dev)->vaddr);
}

/* Return: NULL, or what is wrong with a pool. */
static const char *region_fault(struct dma_coherent_region *region)
{
	const char *fault = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->lock, flags);
	if (IS_ENABLED(CONFIG_DMA_COHERENT_POOL_KUNIT_TEST))
		fault = dma_coherent_pool_fault(&region->pool);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	return fault;
}

static inline void expect_sound(struct kunit *test, struct device *dev,
				unsigned long used_pages)
{
	KUNIT_EXPECT_NULL(test, region_fault(region_of(dev)));
	KUNIT_EXPECT_EQ(test, used(dev), used_pages);
}

/* Short ways to the hooks */

static inline int declare(struct device *dev, const struct bank *bank)
{
	return dma_declare_coherent_memory(dev, bank->base, HANDLE, bank->size);
}

static inline int declare_as(struct device *dev, const struct bank *bank,
			     dma_addr_t handle, unsigned int flags)
{
	return dma_declare_coherent_memory_flags(dev, bank->base, handle,
						 bank->size, flags);
}

static inline struct dma_coherent_spec firmware(const struct bank *bank)
{
	return (struct dma_coherent_spec) {
		.name = bank->name,
		.base = bank->base,
		.size = bank->size,
		.source = DMA_COHERENT_FIRMWARE,
	};
}

static inline int attach(struct device *dev, const struct bank *bank)
{
	const struct dma_coherent_spec spec = firmware(bank);

	return dma_coherent_attach(dev, &spec);
}

static inline void detach(struct device *dev, enum dma_coherent_source source,
			  const struct bank *bank)
{
	dma_coherent_detach(dev, source, bank->base, bank->size);
}

static inline void *take(struct kunit *test, struct device *dev, unsigned long pages)
{
	dma_addr_t handle = DMA_MAPPING_ERROR;
	void *vaddr = NULL;

	KUNIT_ASSERT_NE(test, dma_alloc_from_coherent(dev, pages * PAGE_SIZE, &handle, &vaddr), 0);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_NE(test, handle, DMA_MAPPING_ERROR);
	return vaddr;
}

static inline bool is_refused(struct device *dev, ssize_t size)
{
	dma_addr_t handle = 0;
	void *vaddr = &handle;

	return dma_alloc_from_coherent(dev, size, &handle, &vaddr) && !vaddr &&
	       handle == DMA_MAPPING_ERROR;
}

/* The hook has no pool that may serve: outputs untouched. */
static inline bool is_left_alone(struct device *dev, ssize_t size)
{
	dma_addr_t handle = 1234;
	void *vaddr = &handle;

	return !dma_alloc_from_coherent(dev, size, &handle, &vaddr) &&
	       vaddr == &handle && handle == 1234;
}

static inline int give(struct device *dev, unsigned long pages, void *vaddr)
{
	return dma_release_from_coherent(dev, order_base_2(pages), vaddr);
}

/* What a file of debugfs stands for; there is no other way to it. */
static inline void *debugfs_knob(const char *directory, const char *name)
{
	struct dentry *dir = debugfs_lookup(directory, NULL);
	struct dentry *file = dir ? debugfs_lookup(name, dir) : NULL;
	void *knob = file ? d_inode(file)->i_private : NULL;

	dput(file);
	dput(dir);
	return knob;
}

/* What the debugging of the DMA API says, with CONFIG_DMA_API_DEBUG */

static inline u32 *api_number(const char *name)
{
	return debugfs_knob("dma-api", name);
}

static inline u32 api_errors(void)
{
	u32 *errors = api_number("error_count");

	return errors ? READ_ONCE(*errors) : 0;
}

/* The test does something wrong on purpose: @errors are to be counted, not printed. */
static inline void expect_api_errors(struct kunit *test, u32 errors)
{
	u32 *printed = api_number("num_errors");
	struct fixture *fx = test->priv;

	if (!printed)
		return;
	WRITE_ONCE(*printed, 0);
	fx->api_errors += errors;
}

static inline void check_api_errors(struct kunit *test)
{
	u32 *printed = api_number("num_errors");
	struct fixture *fx = test->priv;

	KUNIT_EXPECT_EQ(test, api_errors(), fx->api_errors);
	if (printed)
		WRITE_ONCE(*printed, 1);
}

/* Init and exit */

/* What is left behind would be there for whoever gets the bank's pages next. */
static inline void expect_no_bank(struct dma_coherent_region *region)
{
	struct kunit *test = kunit_get_current_test();
	struct fixture *fx = test->priv;
	unsigned int i;

	for (i = 0; i < fx->banks; i++)
		KUNIT_EXPECT_NULL_MSG(test, bank_map(&fx->bank[i], region->base),
				      "region %s is left", region->name);
}

static inline void fixture_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (!fx)
		return;
	check_api_errors(test);
	if (!IS_ERR_OR_NULL(fx->dev)) {
		dma_coherent_drain(fx->dev);
		dma_coherent_device_release(fx->dev);
	}
	if (!IS_ERR_OR_NULL(fx->other)) {
		dma_coherent_drain(fx->other);
		dma_coherent_device_release(fx->other);
	}
	dma_coherent_reap();
	dma_coherent_each_region(expect_no_bank);
}

static inline int fixture_init(struct kunit *test)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	if (!fx)
		return -ENOMEM;
	test->priv = fx;
	fx->api_errors = api_errors();
	fx->dev = kunit_device_register(test, "dev");
	if (IS_ERR(fx->dev))
		return PTR_ERR(fx->dev);
	fx->other = kunit_device_register(test, "other");
	if (IS_ERR(fx->other))
		return PTR_ERR(fx->other);
	/* Elsewhere the pages are mapped already, with other attributes. */
	if (!IS_ENABLED(CONFIG_UML))
		stub_mapping(test);
	add_bank(test, POOL_PAGES);
	return 0;
}

/* Large pools */

#ifdef CONFIG_64BIT

#define BEHIND_5G	(5UL * SZ_1G / PAGE_SIZE)

/* Have the first 5 GiB of a pool of 8 GiB at 8 GiB taken, and @pages behind. */
static inline void set_up_above_4g(struct kunit *test, void *mem,
				   unsigned long pages)
{
	struct fixture *fx = test->priv;
	struct bank *bank = &fx->bank[fx->banks++];
	struct dma_coherent_region *region;
	unsigned long flags;

	if (is_vmalloc_addr(mem))
		kunit_skip(test, "what lies in front of RAM here, would be unmapped");
	bank->mem = mem;
	bank->size = 2UL * SZ_4G;
	bank->base = 2UL * SZ_4G;
	stub_mapping(test);
	fx->dev->coherent_dma_mask = DMA_BIT_MASK(64);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, bank), 0);
	region = region_of(fx->dev);
	KUNIT_ASSERT_PTR_EQ(test, region->vaddr, mem);
	raw_spin_lock_irqsave(&region->lock, flags);
	dma_coherent_pool_alloc(&region->pool, BEHIND_5G, ULONG_MAX);
	dma_coherent_count_alloc(&region->stats, &region->pool);
	dma_coherent_pool_alloc(&region->pool, pages, ULONG_MAX);
	dma_coherent_count_alloc(&region->stats, &region->pool);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	KUNIT_ASSERT_EQ(test, used(fx->dev), BEHIND_5G + pages);
}

#endif /* CONFIG_64BIT */

#endif /* _DMA_COHERENT_FIXTURE_H */
