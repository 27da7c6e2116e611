// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: alloc, release, mmap, declare,
 * attach and detach, the global pool
 *
 * The memory of a region is a *bank*, pages from the page allocator. Most banks
 * are declared at their true physical address and mapped for real; some
 * pretend to be elsewhere, and then the mapping step is stubbed. A device is
 * given an address for the bank that has nothing to do with the physical one.
 *
 * The address, the attachments and the pool that a test looks at are taken from
 * the private structures, and so are the counters: no test reads the log.
 *
 * Fn and Rn in front of a test name the faults and the regression cases in the
 * table in tools/testing/dma-coherent/README.md.
 *
 * On the kernel's command line, for long runs:
 *
 *	dma_coherent_kunit.model_steps=N	steps of each random sequence
 *	dma_coherent_kunit.model_seed=N		replay the sequences of one seed
 *	dma_coherent_kunit.stress_seconds=N	length of the stress
 *	dma_coherent_kunit.spare=ADDRESS	memory to map, 2 MiB kept from the
 *						kernel, with "mem=" say
 */

#include <kunit/device.h>
#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/device/bus.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/moduleparam.h>
#include <linux/pfn.h>
#include <linux/prandom.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <trace/events/dma.h>
#include <trace/events/dma_coherent.h>

#include "../dma-coherent.h"
#include "dma-coherent-drain.h"

static unsigned int model_steps = 3000;
module_param(model_steps, uint, 0444);
MODULE_PARM_DESC(model_steps, "Steps of each random sequence");

static unsigned int model_seed;
module_param(model_seed, uint, 0444);
MODULE_PARM_DESC(model_seed, "Seed of the random sequences, 0 for each test's own");

static unsigned int stress_seconds;
module_param(stress_seconds, uint, 0444);
MODULE_PARM_DESC(stress_seconds, "How long the stress runs, 0 for a moment");

static unsigned long long spare;
module_param(spare, ullong, 0444);
MODULE_PARM_DESC(spare, "Physical address of memory that nobody uses and that is no System RAM, 0 for none");

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
 * @maps: calls of the mapping stub
 * @map_fails: it returns NULL
 * @map_sleeps: it takes its time
 * @api_errors: what the DMA API's debugging has counted, and is to count
 */
struct fixture {
	struct device *dev;
	struct device *other;
	struct bank bank[MAX_BANKS];
	unsigned int banks;
	unsigned int maps;
	bool map_fails;
	bool map_sleeps;
	u32 api_errors;
};

/* The global pool's memory, for as long as the system runs. */
static struct bank global_bank;

/* Banks */

static void *bank_map(const struct bank *bank, phys_addr_t base)
{
	return base >= bank->base && base - bank->base < bank->size ?
	       bank->mem + (base - bank->base) : NULL;
}

static void *map_stub(phys_addr_t base, size_t size, bool cached)
{
	struct fixture *fx = kunit_get_current_test()->priv;
	void *mem = bank_map(&global_bank, base);
	unsigned int i;

	fx->maps++;
	if (fx->map_sleeps)
		msleep(20);
	for (i = 0; i < fx->banks && !mem; i++)
		mem = bank_map(&fx->bank[i], base);
	return fx->map_fails ? NULL : mem;
}

static void stub_mapping(struct kunit *test)
{
	kunit_activate_static_stub(test, dma_coherent_map, map_stub);
}

static void free_bank(void *arg)
{
	struct bank *bank = arg;

	free_pages_exact(bank->mem - bank->before, bank->before + bank->size);
}

/* A bank of @pages that begins @before pages behind an aligned address. */
static struct bank *add_bank_behind(struct kunit *test, unsigned long before,
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

static struct bank *add_bank(struct kunit *test, unsigned long pages)
{
	return add_bank_behind(test, 0, pages);
}

static struct bank *add_bank_at(struct kunit *test, unsigned long pages,
				phys_addr_t base)
{
	struct bank *bank = add_bank(test, pages);

	bank->base = base;
	stub_mapping(test);
	return bank;
}

/* What a device has */

static struct dma_coherent_mem *nth_mem(struct device *dev, unsigned int n)
{
	struct dma_coherent_mem *mem = READ_ONCE(dev->dma_mem);

	while (mem && n--)
		mem = rcu_dereference_raw(mem->next);
	return mem;
}

static struct dma_coherent_region *nth_region(struct device *dev, unsigned int n)
{
	return nth_mem(dev, n)->region;
}

static struct dma_coherent_region *region_of(struct device *dev)
{
	return nth_region(dev, 0);
}

static unsigned long used(struct device *dev)
{
	return region_of(dev)->pool.used_pages;
}

static unsigned long refusals(struct device *dev, enum dma_coherent_refusal cause)
{
	return region_of(dev)->stats.refusals[cause];
}

static unsigned long frees(struct device *dev, enum dma_coherent_free verdict)
{
	return region_of(dev)->stats.frees[verdict];
}

static unsigned long page_of(struct device *dev, const void *vaddr)
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

static void expect_sound(struct kunit *test, struct device *dev,
			 unsigned long used_pages)
{
	KUNIT_EXPECT_NULL(test, region_fault(region_of(dev)));
	KUNIT_EXPECT_EQ(test, used(dev), used_pages);
}

/* Short ways to the hooks */

static int declare(struct device *dev, const struct bank *bank)
{
	return dma_declare_coherent_memory(dev, bank->base, HANDLE, bank->size);
}

static int declare_as(struct device *dev, const struct bank *bank,
		      dma_addr_t handle, unsigned int flags)
{
	return dma_declare_coherent_memory_flags(dev, bank->base, handle,
						 bank->size, flags);
}

static struct dma_coherent_spec firmware(const struct bank *bank)
{
	return (struct dma_coherent_spec) {
		.name = bank->name,
		.base = bank->base,
		.size = bank->size,
		.source = DMA_COHERENT_FIRMWARE,
	};
}

static int attach(struct device *dev, const struct bank *bank)
{
	const struct dma_coherent_spec spec = firmware(bank);

	return dma_coherent_attach(dev, &spec);
}

static void *take(struct kunit *test, struct device *dev, unsigned long pages)
{
	dma_addr_t handle = DMA_MAPPING_ERROR;
	void *vaddr = NULL;

	KUNIT_ASSERT_NE(test, 0, dma_alloc_from_coherent(dev, pages * PAGE_SIZE,
							 &handle, &vaddr));
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_NE(test, handle, DMA_MAPPING_ERROR);
	return vaddr;
}

static bool is_refused(struct device *dev, ssize_t size)
{
	dma_addr_t handle = 0;
	void *vaddr = &handle;

	return dma_alloc_from_coherent(dev, size, &handle, &vaddr) && !vaddr &&
	       handle == DMA_MAPPING_ERROR;
}

/* The hook has no pool that may serve: outputs untouched. */
static bool is_left_alone(struct device *dev, ssize_t size)
{
	dma_addr_t handle = 1234;
	void *vaddr = &handle;

	return !dma_alloc_from_coherent(dev, size, &handle, &vaddr) &&
	       vaddr == &handle && handle == 1234;
}

static int give(struct device *dev, unsigned long pages, void *vaddr)
{
	return dma_release_from_coherent(dev, order_base_2(pages), vaddr);
}

/* What the debugging of the DMA API says, with CONFIG_DMA_API_DEBUG */

static u32 *api_number(const char *name)
{
	struct dentry *dir = debugfs_lookup("dma-api", NULL);
	struct dentry *file = dir ? debugfs_lookup(name, dir) : NULL;
	u32 *number = file ? d_inode(file)->i_private : NULL;

	dput(file);
	dput(dir);
	return number;
}

static u32 api_errors(void)
{
	u32 *errors = api_number("error_count");

	return errors ? READ_ONCE(*errors) : 0;
}

/* The test does something wrong on purpose: @errors are to be counted, not printed. */
static void expect_api_errors(struct kunit *test, u32 errors)
{
	u32 *printed = api_number("num_errors");
	struct fixture *fx = test->priv;

	if (!printed)
		return;
	WRITE_ONCE(*printed, 0);
	fx->api_errors += errors;
}

static void check_api_errors(struct kunit *test)
{
	u32 *printed = api_number("num_errors");
	struct fixture *fx = test->priv;

	KUNIT_EXPECT_EQ(test, api_errors(), fx->api_errors);
	if (printed)
		WRITE_ONCE(*printed, 1);
}

/* Init and exit */

static void fixture_exit(struct kunit *test)
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
}

static int fixture_init(struct kunit *test)
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

/* Alloc */

struct size_case {
	const char *name;
	ssize_t size;
	unsigned long pages;
};

static const struct size_case good_sizes[] = {
	{ "one byte", 1, 1 },
	{ "a byte less than a page", PAGE_SIZE - 1, 1 },
	{ "a page", PAGE_SIZE, 1 },
	{ "a page and a byte", PAGE_SIZE + 1, 2 },
	{ "three pages", 3 * PAGE_SIZE, 3 },
	{ "three pages and a half", 3 * PAGE_SIZE + PAGE_SIZE / 2, 4 },
	{ "a byte less than the pool", POOL_SIZE - 1, POOL_PAGES },
	{ "the pool", POOL_SIZE, POOL_PAGES },
};

KUNIT_ARRAY_PARAM_DESC(good_size, good_sizes, name);

/* R15: the count is taken after rounding up; lengths are exact in pages. */
static void alloc_takes_exact_pages(struct kunit *test)
{
	const struct size_case *c = test->param_value;
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	vaddr = dma_alloc_coherent(fx->dev, c->size, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	expect_sound(test, fx->dev, c->pages);
	KUNIT_EXPECT_EQ(test, handle, HANDLE + (vaddr - region_of(fx->dev)->vaddr));
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->stats.high_water, c->pages);

	dma_free_coherent(fx->dev, c->size, vaddr, handle);
	expect_sound(test, fx->dev, 0);
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_GOOD), 1);
}

static const struct size_case bad_sizes[] = {
	{ "zero", 0 },
	{ "minus one", -1 },
	{ "minus a page", -(ssize_t)PAGE_SIZE },
	{ "the most negative", LONG_MIN },
};

KUNIT_ARRAY_PARAM_DESC(bad_size, bad_sizes, name);

/* F4 and F5. */
static void alloc_refuses_bad_sizes(struct kunit *test)
{
	const struct size_case *c = test->param_value;
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, c->size));
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(fx->dev, c->size, &handle,
						   GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, handle, DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, refusals(fx->dev, DMA_COHERENT_BAD_SIZE), 2);
	expect_sound(test, fx->dev, 0);
}

static const struct size_case large_sizes[] = {
	{ "a byte more than the pool", POOL_SIZE + 1 },
	{ "one page too many", POOL_SIZE + PAGE_SIZE },
	{ "twice the pool", 2 * POOL_SIZE },
#ifdef CONFIG_64BIT
	{ "2 GiB", SZ_2G },
	{ "4 GiB and a page", SZ_4G + PAGE_SIZE },
	{ "8 TiB and a page", SZ_8T + PAGE_SIZE },
#endif
	{ "the largest", LONG_MAX },
};

KUNIT_ARRAY_PARAM_DESC(large_size, large_sizes, name);

/* R6: nothing is cut to 32 bits on the way. */
static void alloc_refuses_more_than_the_pool(struct kunit *test)
{
	const struct size_case *c = test->param_value;
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, c->size));
	KUNIT_EXPECT_EQ(test, refusals(fx->dev, DMA_COHERENT_TOO_LARGE), 1);
	expect_sound(test, fx->dev, 0);
}

static void whole_pool_fits_an_empty_pool(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	vaddr = take(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, region_of(fx->dev)->vaddr);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, refusals(fx->dev, DMA_COHERENT_FULL), 1);

	KUNIT_EXPECT_EQ(test, give(fx->dev, POOL_PAGES, vaddr), 1);
	KUNIT_EXPECT_PTR_EQ(test, take(test, fx->dev, POOL_PAGES), vaddr);
	expect_sound(test, fx->dev, POOL_PAGES);
}

/* STM32MP15's vdev0buffer: 16 KiB at a base that is aligned to 8 KiB. */
static void whole_pool_fits_at_a_badly_aligned_base(struct kunit *test)
{
	unsigned long pages = max(SZ_16K / PAGE_SIZE, 2UL);
	struct fixture *fx = test->priv;
	struct bank *bank;
	void *vaddr;

	bank = add_bank_at(test, pages, PAGE_SIZE * (0x10040000 / PAGE_SIZE + pages / 2));
	KUNIT_ASSERT_EQ(test, declare(fx->dev, bank), 0);
	vaddr = take(test, fx->dev, pages);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, bank->mem);
	KUNIT_EXPECT_EQ(test, give(fx->dev, pages, vaddr), 1);

	/* What the base does not promise, is not asked for: nothing is lost. */
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->pool.max_align_order,
			min(ilog2(pages / 2), CONFIG_DMA_COHERENT_ALIGN_ORDER));
	take(test, fx->dev, pages / 2);
	take(test, fx->dev, pages / 2);
	expect_sound(test, fx->dev, pages);
}

static void buffers_are_aligned_to_their_order(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long pages, align;
	unsigned int limit;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	limit = region_of(fx->dev)->pool.max_align_order;
	take(test, fx->dev, 1);
	for (pages = 1; pages <= POOL_PAGES / 2; pages++) {
		align = BIT(min_t(unsigned int, order_base_2(pages), limit));
		vaddr = take(test, fx->dev, pages);
		KUNIT_EXPECT_EQ(test, page_of(fx->dev, vaddr) % align, 0);
		KUNIT_EXPECT_EQ(test, give(fx->dev, pages, vaddr), 1);
	}
}

/* R16: whether the third one fits, depends on what the base promises. */
static void two_128k_then_640k(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned long page;
	struct bank *bank;

	if (CONFIG_DMA_COHERENT_ALIGN_ORDER < 8 || PAGE_SIZE != SZ_4K)
		kunit_skip(test, "needs pages of 4 KiB, aligned up to 1 MiB");
	bank = add_bank_at(test, SZ_1M / PAGE_SIZE, SZ_256M);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, bank), 0);
	take(test, fx->dev, SZ_128K / PAGE_SIZE);
	take(test, fx->dev, SZ_128K / PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, SZ_512K + SZ_128K));
	KUNIT_EXPECT_EQ(test, refusals(fx->dev, DMA_COHERENT_FRAGMENTED), 1);

	bank = add_bank_at(test, SZ_1M / PAGE_SIZE, SZ_512M + SZ_64K);
	KUNIT_ASSERT_EQ(test, declare(fx->other, bank), 0);
	take(test, fx->other, SZ_128K / PAGE_SIZE);
	take(test, fx->other, SZ_128K / PAGE_SIZE);
	page = page_of(fx->other, take(test, fx->other, (SZ_512K + SZ_128K) / PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, page % (SZ_64K / PAGE_SIZE), 0);
	expect_sound(test, fx->other, (SZ_1M - SZ_128K) / PAGE_SIZE);
}

#ifdef CONFIG_64BIT

#define BEHIND_5G	(5UL * SZ_1G / PAGE_SIZE)

/* Have the first 5 GiB of a pool of 8 GiB at 8 GiB taken, and @pages behind. */
static void set_up_above_4g(struct kunit *test, void *mem, unsigned long pages)
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

/* R6 */
static void release_above_4g(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr = fx->bank[0].mem;

	set_up_above_4g(test, vaddr, 4);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, SZ_4G));
	KUNIT_EXPECT_EQ(test, refusals(fx->dev, DMA_COHERENT_FULL), 1);
	KUNIT_EXPECT_EQ(test, give(fx->dev, 1, vaddr + 7UL * SZ_1G), 1);
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_NOT_LIVE), 1);
	KUNIT_EXPECT_EQ(test, give(fx->dev, 4, vaddr + 5UL * SZ_1G), 1);
	KUNIT_EXPECT_EQ(test, used(fx->dev), BEHIND_5G);
	KUNIT_EXPECT_EQ(test, give(fx->dev, BEHIND_5G, vaddr), 1);
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_GOOD), 2);
	KUNIT_EXPECT_EQ(test, used(fx->dev), 0);
}

/* R6. Only what is allocated has to exist; the rest is no more than addresses. */
static void alloc_above_4g(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr = NULL, *mem = fx->bank[0].mem;
	struct dma_coherent_region *region;
	dma_addr_t handle = 0;
	unsigned long flags;

	set_up_above_4g(test, mem - PFN_PHYS(BEHIND_5G), 1);
	region = region_of(fx->dev);
	KUNIT_EXPECT_EQ(test, 1, dma_alloc_from_coherent(fx->dev, 4 * PAGE_SIZE,
							 &handle, &vaddr));
	KUNIT_EXPECT_PTR_EQ(test, vaddr, mem + 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, handle, HANDLE + PFN_PHYS(BEHIND_5G + 4));
	KUNIT_EXPECT_EQ(test, used(fx->dev), BEHIND_5G + 5);

	/* Where memory lies low, the addresses wrap, and release can't find it. */
	raw_spin_lock_irqsave(&region->lock, flags);
	dma_coherent_pool_free(&region->pool, BEHIND_5G);
	dma_coherent_count_free(&region->stats, DMA_COHERENT_FREE_GOOD);
	dma_coherent_pool_free(&region->pool, BEHIND_5G + 4);
	dma_coherent_count_free(&region->stats, DMA_COHERENT_FREE_GOOD);
	nth_mem(fx->dev, 0)->live--;
	raw_spin_unlock_irqrestore(&region->lock, flags);
}

#else

static void release_above_4g(struct kunit *test)
{
	kunit_skip(test, "only where addresses have 64 bits");
}

static void alloc_above_4g(struct kunit *test)
{
	kunit_skip(test, "only where addresses have 64 bits");
}

#endif

/* F1: mmap exposes whole pages, so whole pages are zeroed, and no more. */
static void alloc_zeroes_the_last_page_to_its_end(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	u8 *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	vaddr = dma_alloc_coherent(fx->dev, PAGE_SIZE + 100, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 0, 2 * PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr + 2 * PAGE_SIZE, DIRT,
					   POOL_SIZE - 2 * PAGE_SIZE));
	dma_free_coherent(fx->dev, PAGE_SIZE + 100, vaddr, handle);
}

struct zeroing {
	struct timer_list timer;
	struct dma_coherent_region *region;
	u8 *mem;
	size_t size;
	bool halfway;
};

static bool is_halfway(const struct zeroing *z)
{
	return !READ_ONCE(z->mem[0]) && READ_ONCE(z->mem[z->size - 1]) == DIRT;
}

static void look_at_zeroing(struct zeroing *z)
{
	if (is_halfway(z) && !raw_spin_is_locked(&z->region->lock) && is_halfway(z))
		WRITE_ONCE(z->halfway, true);
}

static void look_by_timer(struct timer_list *timer)
{
	look_at_zeroing(container_of(timer, struct zeroing, timer));
}

static int look_by_thread(void *z)
{
	while (!kthread_should_stop()) {
		look_at_zeroing(z);
		cond_resched();
	}
	return 0;
}

/*
 * R18: somebody gets in between and finds the lock free, a timer on this processor
 * or a thread on another one.
 */
static void zeroing_leaves_interrupts_on(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = add_bank(test, SZ_4M / PAGE_SIZE);
	struct zeroing *z = kunit_kzalloc(test, sizeof(*z), GFP_KERNEL);
	unsigned long end = jiffies + 20 * HZ;
	struct task_struct *thread;

	KUNIT_ASSERT_NOT_NULL(test, z);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, bank), 0);
	z->region = region_of(fx->dev);
	z->mem = bank->mem;
	z->size = bank->size;
	thread = kthread_run(look_by_thread, z, "look");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread);
	timer_setup(&z->timer, look_by_timer, TIMER_PINNED);
	while (time_before(jiffies, end) && !READ_ONCE(z->halfway)) {
		memset(bank->mem, DIRT, bank->size);
		mod_timer(&z->timer, jiffies);
		give(fx->dev, SZ_4M / PAGE_SIZE,
		     take(test, fx->dev, SZ_4M / PAGE_SIZE));
		cond_resched();
	}
	timer_delete_sync(&z->timer);
	kthread_stop(thread);
	KUNIT_EXPECT_TRUE(test, z->halfway);
}

/* R17 and F5. */
static void failed_alloc_defines_its_outputs(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	take(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(fx->dev, PAGE_SIZE, &handle,
						   GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, handle, DMA_MAPPING_ERROR);
}

static void no_pool_leaves_outputs_alone(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct vm_area_struct vma = {};
	int ret = 1234;

	KUNIT_EXPECT_TRUE(test, is_left_alone(fx->dev, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, is_left_alone(fx->dev, 0));
	KUNIT_EXPECT_EQ(test, 0, give(fx->dev, 1, fx->bank[0].mem));
	KUNIT_EXPECT_EQ(test, 0, dma_mmap_from_coherent(fx->dev, &vma, fx->bank[0].mem,
							PAGE_SIZE, &ret));
	KUNIT_EXPECT_EQ(test, ret, 1234);
}

/* R2 */
static void null_device_is_no_pool(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct vm_area_struct vma = {};
	int ret = 1234;

	KUNIT_EXPECT_TRUE(test, is_left_alone(NULL, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, give(NULL, 1, fx->bank[0].mem));
	KUNIT_EXPECT_EQ(test, 0, dma_mmap_from_coherent(NULL, &vma, fx->bank[0].mem,
							PAGE_SIZE, &ret));
	KUNIT_EXPECT_EQ(test, ret, 1234);
	KUNIT_EXPECT_EQ(test, -ENODEV, declare(NULL, &fx->bank[0]));
	dma_release_coherent_memory(NULL);
}

/* The names that callers outside of this layer know. */
static void old_names_are_the_same_hooks(struct kunit *test)
{
	struct vm_area_struct vma = { .vm_end = PAGE_SIZE, .vm_pgoff = 1 };
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;
	int ret = 0;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, 1, dma_alloc_from_dev_coherent(fx->dev, PAGE_SIZE,
							     &handle, &vaddr));
	KUNIT_EXPECT_EQ(test, 1, dma_mmap_from_dev_coherent(fx->dev, &vma, vaddr,
							    PAGE_SIZE, &ret));
	KUNIT_EXPECT_EQ(test, ret, -ENXIO);
	KUNIT_EXPECT_EQ(test, 1, dma_release_from_dev_coherent(fx->dev, 0, vaddr));
	expect_sound(test, fx->dev, 0);
}

static void device_without_pool_uses_the_generic_allocator(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->other, &fx->bank[0]), 0);
	vaddr = dma_alloc_coherent(fx->dev, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_FALSE(test, bank_map(&fx->bank[0], virt_to_phys(vaddr)));
	dma_free_coherent(fx->dev, PAGE_SIZE, vaddr, handle);
	expect_sound(test, fx->other, 0);
}

static void fallback_goes_on_to_the_generic_allocator(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *mine, *generic;

	KUNIT_ASSERT_EQ(test, 0, declare_as(fx->dev, &fx->bank[0], HANDLE,
					    DMA_COHERENT_FALLBACK));
	mine = take(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_TRUE(test, is_left_alone(fx->dev, PAGE_SIZE));
	generic = dma_alloc_coherent(fx->dev, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, generic);
	KUNIT_EXPECT_EQ(test, refusals(fx->dev, DMA_COHERENT_FULL), 2);

	dma_free_coherent(fx->dev, PAGE_SIZE, generic, handle);
	expect_sound(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_EQ(test, give(fx->dev, POOL_PAGES, mine), 1);
	expect_sound(test, fx->dev, 0);
}

/* One pool that has to serve what it is asked for decides. */
static void one_exclusive_pool_keeps_from_falling_back(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = add_bank(test, 1);

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, 0, declare_as(fx->dev, bank, HANDLE,
					    DMA_COHERENT_FALLBACK));
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, 2 * POOL_SIZE));
}

/* F13: each request that is refused is counted, by its cause. */
static void refusals_are_counted_by_cause(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr[POOL_PAGES];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	for (i = 0; i < POOL_PAGES; i++)
		vaddr[i] = take(test, fx->dev, 1);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, 0));
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, POOL_SIZE + 1));
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, 1));
	for (i = 0; i < POOL_PAGES; i++)
		if (page_of(fx->dev, vaddr[i]) % 2)
			give(fx->dev, 1, vaddr[i]);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, 2 * PAGE_SIZE));
	fx->dev->coherent_dma_mask = HANDLE + PAGE_SIZE - 1;
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, PAGE_SIZE));

	for (i = 0; i < DMA_COHERENT_REFUSALS; i++)
		KUNIT_EXPECT_EQ(test, refusals(fx->dev, i), 1);
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->stats.allocs, POOL_PAGES);
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->stats.high_water, POOL_PAGES);
	expect_sound(test, fx->dev, POOL_PAGES / 2);
}

static void count_pages(void *data, const char *dev, const char *pool,
			unsigned long page, unsigned long pages)
{
	*(unsigned long *)data += pages;
}

static void count_refusal(void *data, const char *dev, const char *pool,
			  unsigned long pages, const char *why)
{
	++*(unsigned long *)data;
}

/* F6 and F13: what is traced when it is handed out, is when it is given back. */
static void alloc_and_release_are_traced(struct kunit *test)
{
	unsigned long taken = 0, given = 0, refused = 0;
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	if (register_trace_dma_coherent_alloc(count_pages, &taken))
		kunit_skip(test, "needs CONFIG_TRACEPOINTS");
	KUNIT_EXPECT_EQ(test, register_trace_dma_coherent_release(count_pages, &given), 0);
	KUNIT_EXPECT_EQ(test, register_trace_dma_coherent_refuse(count_refusal, &refused), 0);
	vaddr = dma_alloc_coherent(fx->dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	/* Not what is refused, but what is freed in spite of a wrong size. */
	expect_api_errors(test, 2);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	vaddr = dma_alloc_coherent(fx->dev, 2 * PAGE_SIZE, &handle, GFP_KERNEL);
	dma_free_coherent(fx->dev, PAGE_SIZE, vaddr, handle);
	unregister_trace_dma_coherent_alloc(count_pages, &taken);
	unregister_trace_dma_coherent_release(count_pages, &given);
	unregister_trace_dma_coherent_refuse(count_refusal, &refused);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, taken, 3 + 2);
	KUNIT_EXPECT_EQ(test, given, 3 + 2);
	KUNIT_EXPECT_EQ(test, refused, 1);
}

struct api_trace {
	unsigned int allocs;
	unsigned int frees;
	void *vaddr;
	dma_addr_t handle;
	size_t size;
};

static void note_api_alloc(void *data, struct device *dev, void *vaddr, dma_addr_t handle,
			   size_t size, enum dma_data_direction dir, gfp_t flags,
			   unsigned long attrs)
{
	struct api_trace *trace = data;

	trace->allocs++;
	trace->vaddr = vaddr;
	trace->handle = handle;
	trace->size = size;
}

static void note_api_free(void *data, struct device *dev, void *vaddr, dma_addr_t handle,
			  size_t size, enum dma_data_direction dir, unsigned long attrs)
{
	struct api_trace *trace = data;

	trace->frees += trace->vaddr == vaddr && trace->handle == handle && trace->size == size;
}

/* F6 and F5: the API's own events pair, and none has a handle that nobody set. */
static void api_traces_alloc_and_free(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct api_trace trace = {};
	dma_addr_t handle = 0;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	if (register_trace_dma_alloc(note_api_alloc, &trace))
		kunit_skip(test, "needs CONFIG_TRACEPOINTS");
	KUNIT_EXPECT_EQ(test, register_trace_dma_free(note_api_free, &trace), 0);
	vaddr = dma_alloc_coherent(fx->dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	KUNIT_EXPECT_EQ(test, trace.allocs, 1);
	KUNIT_EXPECT_EQ(test, trace.frees, 1);
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(fx->dev, 2 * POOL_SIZE, &handle, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, trace.allocs, 2);
	KUNIT_EXPECT_EQ(test, trace.handle, DMA_MAPPING_ERROR);
	unregister_trace_dma_alloc(note_api_alloc, &trace);
	unregister_trace_dma_free(note_api_free, &trace);
	tracepoint_synchronize_unregister();
}

static void need_api_debug(struct kunit *test)
{
	if (!api_number("error_count"))
		kunit_skip(test, "needs CONFIG_DMA_API_DEBUG and its debugfs files");
}

/* F6: and each error is found, also where the memory is not where it seems to be. */
static void api_debug_knows_buffers(struct kunit *test)
{
	struct bank *bank = add_bank_at(test, 8, SZ_1G);
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;

	need_api_debug(test);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, bank), 0);
	vaddr = dma_alloc_coherent(fx->dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	check_api_errors(test);
	expect_api_errors(test, 1);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	check_api_errors(test);
	vaddr = dma_alloc_coherent(fx->dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	expect_api_errors(test, 1);
	dma_free_coherent(fx->dev, 2 * PAGE_SIZE, vaddr, handle);
}

/* A buffer that lies in another one is no error. */
static void api_debug_knows_nested_pools(struct kunit *test)
{
	struct bank inner = { .size = 8 * PAGE_SIZE };
	struct fixture *fx = test->priv;
	dma_addr_t outer_handle, handle;
	void *vaddr;

	need_api_debug(test);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	inner.mem = dma_alloc_coherent(fx->dev, inner.size, &outer_handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, inner.mem);
	inner.base = fx->bank[0].base + (inner.mem - region_of(fx->dev)->vaddr);
	KUNIT_ASSERT_EQ(test, declare(fx->other, &inner), 0);
	vaddr = dma_alloc_coherent(fx->other, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, inner.mem);
	dma_free_coherent(fx->other, PAGE_SIZE, vaddr, handle);
	dma_free_coherent(fx->dev, inner.size, inner.mem, outer_handle);
}

/* A bus that the debugging of the API watches, for as long as the system runs. */

static struct bank *leaky_bank;

static int leaky_probe(struct device *dev)
{
	dma_addr_t handle;
	int err;

	dev->coherent_dma_mask = DMA_BIT_MASK(64);
	err = declare(dev, leaky_bank);
	return err ?: dma_alloc_coherent(dev, PAGE_SIZE, &handle, GFP_KERNEL) ? 0 : -ENOMEM;
}

static const struct bus_type leaky_bus = { .name = "dma-coherent-kunit" };

static void leaky_release(struct device *dev)
{
	kfree(dev);
}

static struct device_driver leaky_driver = {
	.name = "leaky",
	.bus = &leaky_bus,
	.probe = leaky_probe,
};

static bool leaky_bus_is_there(void)
{
	static bool there;

	if (!there && !bus_register(&leaky_bus)) {
		dma_debug_add_bus(&leaky_bus);
		there = true;
	}
	return there;
}

static void api_debug_reports_a_drivers_leak(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct device *dev;

	need_api_debug(test);
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_ASSERT_TRUE(test, leaky_bus_is_there());
	leaky_bank = &fx->bank[0];
	dev->init_name = "leaky";
	dev->bus = &leaky_bus;
	dev->release = leaky_release;
	KUNIT_EXPECT_EQ(test, driver_register(&leaky_driver), 0);
	KUNIT_EXPECT_EQ(test, device_register(dev), 0);
	KUNIT_EXPECT_NOT_NULL(test, dev->dma_mem);
	check_api_errors(test);
	expect_api_errors(test, 1);
	dma_coherent_drain(dev);
	driver_unregister(&leaky_driver);
	device_unregister(dev);
	dma_coherent_reap();
}

/* Release */

#define BUFFERS		5
#define ORDERS		(5 * 4 * 3 * 2)

/* The @nth order of the numbers below BUFFERS. */
static void nth_order(unsigned int nth, unsigned int *order)
{
	unsigned int i, j;

	for (i = 0; i < BUFFERS; i++)
		order[i] = i;
	for (i = BUFFERS; i > 1; i--) {
		j = nth % i;
		nth /= i;
		swap(order[i - 1], order[j]);
	}
}

static void frees_work_in_every_order(struct kunit *test)
{
	static const unsigned int pages[BUFFERS] = { 3, 1, 5, 2, 4 };
	unsigned int order[BUFFERS], nth, i, left;
	struct fixture *fx = test->priv;
	void *vaddr[BUFFERS];

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	for (nth = 0; nth < ORDERS; nth++) {
		for (i = 0, left = 0; i < BUFFERS; left += pages[i], i++) {
			vaddr[i] = take(test, fx->dev, pages[i]);
			memset(vaddr[i], 'a' + i, pages[i] * PAGE_SIZE);
		}
		nth_order(nth, order);
		for (i = 0; i < BUFFERS; i++) {
			unsigned int n = order[i];

			KUNIT_EXPECT_NULL(test, memchr_inv(vaddr[n], 'a' + n,
							   pages[n] * PAGE_SIZE));
			KUNIT_EXPECT_EQ(test, give(fx->dev, pages[n], vaddr[n]), 1);
			left -= pages[n];
			expect_sound(test, fx->dev, left);
		}
	}
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_GOOD), ORDERS * BUFFERS);
	take(test, fx->dev, POOL_PAGES);
}

struct bad_free_case {
	const char *name;
	long page;
	long byte;
	unsigned int order;
	enum dma_coherent_free verdict;
};

/* Pages 0 and 1 are a buffer; 2 and 3 were one; 4 to 7 are one; the rest is free. */
static const struct bad_free_case bad_free_cases[] = {
	{ "double free", 2, 0, 1, DMA_COHERENT_FREE_NOT_LIVE },
	{ "second page of a freed buffer", 3, 0, 0, DMA_COHERENT_FREE_NOT_LIVE },
	{ "never allocated", 20, 0, 0, DMA_COHERENT_FREE_NOT_LIVE },
	{ "byte in a free page", 20, 8, 0, DMA_COHERENT_FREE_NOT_LIVE },
	{ "last page of the pool", POOL_PAGES - 1, PAGE_SIZE - 1, 0,
	  DMA_COHERENT_FREE_NOT_LIVE },
	{ "second page of a buffer", 5, 0, 1, DMA_COHERENT_FREE_INTERIOR },
	{ "last page of a buffer", 7, 0, 0, DMA_COHERENT_FREE_INTERIOR },
	{ "byte in the first page", 4, 1, 2, DMA_COHERENT_FREE_INTERIOR },
	{ "last byte of a buffer", 1, PAGE_SIZE - 1, 1, DMA_COHERENT_FREE_INTERIOR },
};

KUNIT_ARRAY_PARAM_DESC(bad_free_case, bad_free_cases, name);

static void set_up_bad_free(struct kunit *test, struct device *dev)
{
	struct fixture *fx = test->priv;
	void *freed;

	KUNIT_ASSERT_EQ(test, declare(dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, page_of(dev, take(test, dev, 2)), 0);
	freed = take(test, dev, 2);
	KUNIT_ASSERT_EQ(test, page_of(dev, freed), 2);
	KUNIT_ASSERT_EQ(test, page_of(dev, take(test, dev, 4)), 4);
	KUNIT_ASSERT_EQ(test, give(dev, 2, freed), 1);
	expect_sound(test, dev, 6);
}

/* F2: reported, counted, refused, and nothing is changed. */
static void bad_free_is_refused(struct kunit *test)
{
	const struct bad_free_case *c = test->param_value;
	struct fixture *fx = test->priv;
	struct dma_coherent_run run;
	unsigned int i;
	void *vaddr;

	set_up_bad_free(test, fx->dev);
	vaddr = region_of(fx->dev)->vaddr + PFN_PHYS(c->page) + c->byte;
	KUNIT_EXPECT_EQ(test, 1, dma_release_from_coherent(fx->dev, c->order, vaddr));
	for (i = 0; i < DMA_COHERENT_FREES; i++)
		KUNIT_EXPECT_EQ(test, frees(fx->dev, i),
				(i == DMA_COHERENT_FREE_GOOD) + (i == c->verdict));
	expect_sound(test, fx->dev, 6);
	KUNIT_EXPECT_EQ(test, nth_mem(fx->dev, 0)->live, 2);
	KUNIT_EXPECT_TRUE(test, dma_coherent_run_at(region_of(fx->dev), 0, &run) &&
			  run.used && run.pages == 2);
	KUNIT_EXPECT_TRUE(test, dma_coherent_run_at(region_of(fx->dev), 4, &run) &&
			  run.used && run.pages == 4);
}

static const struct bad_free_case wrong_orders[] = {
	{ .name = "too small", .order = 1 },
	{ .name = "zero", .order = 0 },
	{ .name = "too large", .order = 3 },
	{ .name = "beyond the pool", .order = 20 },
	{ .name = "that of size 0", .order = 52 },
};

KUNIT_ARRAY_PARAM_DESC(wrong_order, wrong_orders, name);

/* F2: the pool knows the length. */
static void wrong_order_frees_the_true_length(struct kunit *test)
{
	const struct bad_free_case *c = test->param_value;
	struct fixture *fx = test->priv;
	void *vaddr;

	set_up_bad_free(test, fx->dev);
	vaddr = region_of(fx->dev)->vaddr + 4 * PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, 1, dma_release_from_coherent(fx->dev, c->order, vaddr));
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_WRONG_ORDER), 1);
	KUNIT_EXPECT_EQ(test, nth_mem(fx->dev, 0)->live, 1);
	expect_sound(test, fx->dev, 2);
}

/* Three pages are of order 2: that is what dma_free_coherent() passes. */
static void order_is_that_of_the_size(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	unsigned long n;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	for (n = 1; n <= POOL_PAGES; n++) {
		vaddr = dma_alloc_coherent(fx->dev, n * PAGE_SIZE - 5, &handle, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, vaddr);
		dma_free_coherent(fx->dev, n * PAGE_SIZE - 5, vaddr, handle);
	}
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_GOOD), POOL_PAGES);
	expect_sound(test, fx->dev, 0);
}

/* F2: one past the end is not ours to clear. */
static void foreign_address_is_not_released(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = add_bank(test, 2);
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, declare(fx->other, bank), 0);
	take(test, fx->dev, POOL_PAGES);
	take(test, fx->other, 2);
	vaddr = region_of(fx->dev)->vaddr;
	KUNIT_EXPECT_EQ(test, 0, give(fx->dev, 1, vaddr - 1));
	KUNIT_EXPECT_EQ(test, 0, give(fx->dev, 1, vaddr + POOL_SIZE));
	KUNIT_EXPECT_EQ(test, 0, give(fx->dev, 1, region_of(fx->other)->vaddr));
	KUNIT_EXPECT_EQ(test, 0, give(fx->dev, 1, fx));
	KUNIT_EXPECT_EQ(test, 0, give(fx->dev, 1, NULL));
	KUNIT_EXPECT_EQ(test, 0, give(fx->dev, 1, (void *)ULONG_MAX));
	expect_sound(test, fx->dev, POOL_PAGES);
	expect_sound(test, fx->other, 2);
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_NOT_LIVE), 0);
}

/* The generic code must never see it: it would free what it does not own. */
static void generic_code_never_gets_a_bad_free(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	vaddr = dma_alloc_coherent(fx->dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	expect_api_errors(test, 2);
	dma_free_coherent(fx->dev, PAGE_SIZE, vaddr + PAGE_SIZE, handle + PAGE_SIZE);
	expect_sound(test, fx->dev, 3);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	expect_sound(test, fx->dev, 0);
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_INTERIOR), 1);
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_NOT_LIVE), 1);
}

/* Mmap */

/**
 * struct view - what a test maps to user space
 * @dev: the device; NULL for the global pool
 * @vaddr: what the driver passes
 * @size: likewise
 * @pgoff: set in the vma
 * @prot: where the vma's page attributes go once it is mapped, or NULL
 */
struct view {
	struct device *dev;
	void *vaddr;
	size_t size;
	unsigned long pgoff;
	pgprot_t *prot;
};

static int view_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct view *view = file->private_data;
	int ret = -ENODEV;

	vma->vm_pgoff = view->pgoff;
	if (view->dev)
		ret = dma_mmap_coherent(view->dev, vma, view->vaddr, 0, view->size);
	else
		dma_mmap_from_global_coherent(vma, view->vaddr, view->size, &ret);
	if (view->prot)
		*view->prot = vma->vm_page_prot;
	return ret;
}

static const struct file_operations view_fops = {
	.owner = THIS_MODULE,
	.mmap = view_mmap,
};

KUNIT_DEFINE_ACTION_WRAPPER(put_file, fput, struct file *);

static struct file *view_open(struct kunit *test, struct view *view)
{
	struct file *file;

	file = anon_inode_getfile("dma-coherent-kunit", &view_fops, view, O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_file, file), 0);
	return file;
}

/* Return: the user address, or an errno as IS_ERR_VALUE() has it. */
static unsigned long view_map(struct kunit *test, const struct view *view,
			      unsigned long pages)
{
	struct view *copy = kunit_kzalloc(test, sizeof(*view), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	*copy = *view;
	return kunit_vm_mmap(test, view_open(test, copy), 0, pages * PAGE_SIZE,
			     PROT_READ | PROT_WRITE, MAP_SHARED, 0);
}

static void expect_user_word(struct kunit *test, unsigned long addr, u32 word)
{
	u32 got = ~word;

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, 0, get_user(got, (u32 __user *)addr));
	KUNIT_EXPECT_EQ(test, got, word);
}

static void write_user_word(struct kunit *test, unsigned long addr, u32 word)
{
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, 0, put_user(word, (u32 __user *)addr));
}

/* Write through one mapping, read through the others. */
static void mmap_shows_the_same_memory(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct view view = { .size = 3 * PAGE_SIZE };
	unsigned long first, second;
	dma_addr_t handle;
	u32 *word;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	take(test, fx->dev, 1);
	view.dev = fx->dev;
	view.vaddr = dma_alloc_coherent(fx->dev, view.size, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, view.vaddr);
	word = view.vaddr + 2 * PAGE_SIZE + 8;
	first = view_map(test, &view, 3);
	second = view_map(test, &view, 3);

	*word = 0x1111;
	expect_user_word(test, first + 2 * PAGE_SIZE + 8, 0x1111);
	write_user_word(test, first + 2 * PAGE_SIZE + 8, 0x2222);
	expect_user_word(test, second + 2 * PAGE_SIZE + 8, 0x2222);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*word), 0x2222);
	write_user_word(test, second, 0x3333);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*(u32 *)view.vaddr), 0x3333);
	dma_free_coherent(fx->dev, view.size, view.vaddr, handle);
}

struct mmap_case {
	const char *name;
	unsigned long page;
	size_t size;
	unsigned long pgoff;
	unsigned long pages;
	int err;
};

#define FOUR_PAGES	(3 * PAGE_SIZE + 100)

/* Pages 0 to 3 are a buffer, 4 to 7 another, 8 to 11 are free, 12 is one, ... */
static const struct mmap_case mmap_cases[] = {
	{ "whole buffer", 0, FOUR_PAGES, 0, 4, 0 },
	{ "offset 0, one page", 0, FOUR_PAGES, 0, 1, 0 },
	{ "last page", 0, FOUR_PAGES, 3, 1, 0 },
	{ "middle", 0, FOUR_PAGES, 1, 2, 0 },
	{ "sub-page buffer", 12, 100, 0, 1, 0 },
	{ "sub-page size of a longer buffer", 4, 100, 0, 1, 0 },
	{ "second buffer's last page", 4, FOUR_PAGES, 3, 1, 0 },
	{ "from a page inside", 1, 3 * PAGE_SIZE, 0, 3, 0 },
	{ "last page from a page inside", 5, 3 * PAGE_SIZE, 2, 1, 0 },
	{ "offset equals length", 0, FOUR_PAGES, 4, 1, -ENXIO },
	{ "offset behind the end", 0, FOUR_PAGES, 9, 1, -ENXIO },
	{ "past the end", 0, FOUR_PAGES, 0, 5, -ENXIO },
	{ "past the end from an offset", 0, FOUR_PAGES, 3, 2, -ENXIO },
	{ "past the size in a longer buffer", 0, PAGE_SIZE + 1, 0, 3, -ENXIO },
	{ "offset past the size in a longer buffer", 0, PAGE_SIZE, 1, 1, -ENXIO },
	{ "sub-page size, two pages", 0, 100, 0, 2, -ENXIO },
	{ "size 0", 0, 0, 0, 1, -ENXIO },
	{ "size into the next buffer", 0, 8 * PAGE_SIZE, 0, 8, -ENXIO },
	{ "offset into the next buffer", 0, 8 * PAGE_SIZE, 4, 1, -ENXIO },
	{ "across two buffers", 0, 8 * PAGE_SIZE, 3, 2, -ENXIO },
	{ "page inside, past the end", 1, 4 * PAGE_SIZE, 0, 4, -ENXIO },
	{ "page inside, offset past the end", 1, 4 * PAGE_SIZE, 3, 1, -ENXIO },
	{ "offset into free pages", 4, 8 * PAGE_SIZE, 4, 1, -ENXIO },
	{ "free pages", 8, PAGE_SIZE, 0, 1, -ENXIO },
	{ "free page before a buffer", 11, 2 * PAGE_SIZE, 1, 1, -ENXIO },
	{ "last page of the pool, free", POOL_PAGES - 1, PAGE_SIZE, 0, 1, -ENXIO },
	{ "past the pool's end", POOL_PAGES - 1, 2 * PAGE_SIZE, 1, 1, -ENXIO },
	{ "offset overflows with the length", 0, FOUR_PAGES, ULONG_MAX, 2, -ENXIO },
	{ "offset overflows to the start", 4, FOUR_PAGES, -4UL, 4, -ENXIO },
	{ "offset overflows as bytes", 0, FOUR_PAGES, ULONG_MAX >> PAGE_SHIFT, 1, -ENXIO },
	{ "everything overflows", 0, SIZE_MAX, ULONG_MAX - 1, 3, -ENXIO },
	{ "the largest size", 0, SIZE_MAX & PAGE_MASK, 0, 4, 0 },
};

KUNIT_ARRAY_PARAM_DESC(mmap_case, mmap_cases, name);

static void set_up_mmap(struct kunit *test, struct device *dev)
{
	struct fixture *fx = test->priv;
	void *gap;

	KUNIT_ASSERT_EQ(test, declare(dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, page_of(dev, take(test, dev, 4)), 0);
	KUNIT_ASSERT_EQ(test, page_of(dev, take(test, dev, 4)), 4);
	gap = take(test, dev, 4);
	KUNIT_ASSERT_EQ(test, page_of(dev, gap), 8);
	KUNIT_ASSERT_EQ(test, page_of(dev, take(test, dev, 1)), 12);
	KUNIT_ASSERT_EQ(test, give(dev, 4, gap), 1);
}

/* R4, R14, F3, and F1's other half: what may be mapped and what may not. */
static void mmap_stays_inside_one_live_buffer(struct kunit *test)
{
	const struct mmap_case *c = test->param_value;
	struct fixture *fx = test->priv;
	struct view view = {
		.dev = fx->dev,
		.size = c->size,
		.pgoff = c->pgoff,
	};
	unsigned long addr;

	set_up_mmap(test, fx->dev);
	view.vaddr = region_of(fx->dev)->vaddr + PFN_PHYS(c->page);
	addr = view_map(test, &view, c->pages);
	if (c->err) {
		KUNIT_EXPECT_EQ(test, (long)addr, c->err);
		return;
	}
	*(u32 *)(view.vaddr + PFN_PHYS(c->pgoff)) = 0xf125;
	*(u32 *)(view.vaddr + PFN_PHYS(c->pgoff + c->pages) - 4) = 0x1a57;
	expect_user_word(test, addr, 0xf125);
	expect_user_word(test, addr + PFN_PHYS(c->pages) - 4, 0x1a57);
}

static void mmap_of_an_address_inside_a_page_is_refused(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct view view = { .dev = fx->dev, .size = PAGE_SIZE };

	set_up_mmap(test, fx->dev);
	view.vaddr = region_of(fx->dev)->vaddr + 16;
	KUNIT_EXPECT_EQ(test, (long)view_map(test, &view, 1), -ENXIO);
}

/* F3 */
static void mmap_after_free_is_refused(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct view view = { .dev = fx->dev, .size = PAGE_SIZE };

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	view.vaddr = take(test, fx->dev, 1);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(view_map(test, &view, 1)));
	give(fx->dev, 1, view.vaddr);
	KUNIT_EXPECT_EQ(test, (long)view_map(test, &view, 1), -ENXIO);
}

static void mmap_of_foreign_addresses_is_left_alone(struct kunit *test)
{
	struct vm_area_struct vma = { .vm_end = PAGE_SIZE };
	struct fixture *fx = test->priv;
	void *vaddr;
	int ret = 1234;

	set_up_mmap(test, fx->dev);
	vaddr = region_of(fx->dev)->vaddr;
	KUNIT_EXPECT_EQ(test, 0, dma_mmap_from_coherent(fx->other, &vma, vaddr,
							PAGE_SIZE, &ret));
	KUNIT_EXPECT_EQ(test, 0, dma_mmap_from_coherent(fx->dev, &vma, vaddr - PAGE_SIZE,
							PAGE_SIZE, &ret));
	KUNIT_EXPECT_EQ(test, 0, dma_mmap_from_coherent(fx->dev, &vma, vaddr + POOL_SIZE,
							PAGE_SIZE, &ret));
	KUNIT_EXPECT_EQ(test, ret, 1234);
}

/* R9. Some architectures have one kind only. */
static void mmap_has_the_attributes_of_the_kernels_mapping(struct kunit *test)
{
	pgprot_t prot = __pgprot(0), want = vm_get_page_prot(VM_READ | VM_WRITE | VM_SHARED);
	struct fixture *fx = test->priv;
	struct view view = {
		.dev = fx->dev,
		.size = PAGE_SIZE,
		.prot = &prot,
	};

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	view.vaddr = take(test, fx->dev, 1);
	region_of(fx->dev)->cached = true;
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(view_map(test, &view, 1)));
	KUNIT_EXPECT_EQ(test, (u64)pgprot_val(prot), (u64)pgprot_val(want));

	region_of(fx->dev)->cached = false;
	want = pgprot_writecombine(want);
	KUNIT_EXPECT_FALSE(test, IS_ERR_VALUE(view_map(test, &view, 1)));
	KUNIT_EXPECT_EQ(test, (u64)pgprot_val(prot), (u64)pgprot_val(want));
}

/* The bits of a page table's entry that tell write-combined from cached. */
static u64 attribute_bits(u64 prot)
{
	return prot & (pgprot_val(PAGE_KERNEL) ^
		       pgprot_val(pgprot_writecombine(PAGE_KERNEL)));
}

static int read_pte(pte_t *pte, unsigned long addr, void *bits)
{
	*(u64 *)bits = attribute_bits(pte_val(ptep_get(pte)));
	return 0;
}

static u64 kernel_bits(struct kunit *test, void *vaddr)
{
	u64 bits = attribute_bits(pgprot_val(PAGE_KERNEL));
	unsigned long addr = (unsigned long)vaddr;

	/* All other addresses are those of the system's RAM itself. */
	if (is_vmalloc_addr(vaddr))
		KUNIT_EXPECT_EQ(test, 0, apply_to_existing_page_range(&init_mm, addr,
								      PAGE_SIZE, read_pte,
								      &bits));
	return bits;
}

static u64 user_bits(struct kunit *test, unsigned long addr)
{
	u64 bits = ~0;

	KUNIT_EXPECT_EQ(test, 0, apply_to_existing_page_range(current->mm, addr,
							      PAGE_SIZE, read_pte, &bits));
	return bits;
}

static void no_device_is_not_coherent(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_EXPECT_FALSE(test, dma_coherent_can_cache(NULL));
	KUNIT_EXPECT_EQ(test, dma_coherent_can_cache(fx->dev),
			dev_is_dma_coherent(fx->dev) && !force_dma_unencrypted(fx->dev));
}

static bool can_cache(struct device *dev)
{
	return true;
}

static bool cannot_cache(struct device *dev)
{
	return false;
}

struct mapping_case {
	const char *name;
	bool spare;
	bool coherent;
};

static const struct mapping_case mapping_cases[] = {
	{ "System RAM, coherent device", false, true },
	{ "spare memory, coherent device", true, true },
	{ "spare memory, device that isn't coherent", true, false },
};

KUNIT_ARRAY_PARAM_DESC(mapping_case, mapping_cases, name);

/* With the true mapping. R9: what user space gets matches it. */
static void mapping_has_its_attributes(struct kunit *test)
{
	const struct mapping_case *c = test->param_value;
	u64 cached = attribute_bits(pgprot_val(PAGE_KERNEL));
	u64 combined = attribute_bits(pgprot_val(pgprot_writecombine(PAGE_KERNEL)));
	struct fixture *fx = test->priv;
	struct bank bank = fx->bank[0];
	struct view view = { .dev = fx->dev, .size = PAGE_SIZE };
	unsigned long addr;
	u64 want;

	if (IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "UML has one kind of mapping");
	if (c->spare && !spare)
		kunit_skip(test, "needs dma_coherent_kunit.spare=");
	if (c->spare)
		bank.base = spare;
	kunit_deactivate_static_stub(test, dma_coherent_map);
	kunit_activate_static_stub(test, dma_coherent_can_cache,
				   c->coherent ? can_cache : cannot_cache);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &bank), 0);
	want = c->spare ? combined : cached;
	view.vaddr = take(test, fx->dev, 1);
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->cached, !c->spare);
	KUNIT_EXPECT_EQ(test, kernel_bits(test, view.vaddr), want);
	addr = view_map(test, &view, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, user_bits(test, addr), want);

	WRITE_ONCE(*(u32 *)view.vaddr, 0x5ee5);
	expect_user_word(test, addr, 0x5ee5);
	write_user_word(test, addr, 0x7eb7);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*(u32 *)view.vaddr), 0x7eb7);
}

/* Declare */

struct declare_case {
	const char *name;
	phys_addr_t base;
	dma_addr_t handle;
	size_t size;
	unsigned int flags;
};

static const struct declare_case bad_regions[] = {
	{ "empty", SZ_16M, HANDLE, 0 },
	{ "empty at the top", (phys_addr_t)-1, HANDLE, 0 },
	{ "wraps", -(phys_addr_t)PAGE_SIZE, HANDLE, 2 * PAGE_SIZE },
	{ "wraps by a byte", -(phys_addr_t)PAGE_SIZE, HANDLE, PAGE_SIZE + 1 },
	{ "wraps for the device", SZ_16M, -(dma_addr_t)PAGE_SIZE, 2 * PAGE_SIZE },
	{ "wraps for the device by a byte", SZ_16M, -(dma_addr_t)PAGE_SIZE, PAGE_SIZE + 1 },
	{ "a byte", SZ_16M, HANDLE, 1 },
	{ "less than a page", SZ_16M, HANDLE, PAGE_SIZE - 1 },
	/* R1: two bytes that touch two pages are none of them whole. */
	{ "across the end of a page", SZ_16M - 1, HANDLE, 2 },
	{ "no whole page in nearly two", SZ_16M + 1, HANDLE, 2 * PAGE_SIZE - 2 },
	{ "the last bytes of all", (phys_addr_t)-100, HANDLE, 100 },
	{ "unknown flag", SZ_16M, HANDLE, PAGE_SIZE, DMA_COHERENT_FALLBACK << 1 },
	{ "unknown flags and a known one", SZ_16M, HANDLE, PAGE_SIZE, ~0 },
#ifdef CONFIG_64BIT
	{ "more pages than a pool can have", SZ_16M, HANDLE, (size_t)BIT(31) << PAGE_SHIFT },
#endif
};

KUNIT_ARRAY_PARAM_DESC(bad_region, bad_regions, name);

/* F9, R8 */
static void declare_refuses_a_bad_region(struct kunit *test)
{
	const struct declare_case *c = test->param_value;
	struct fixture *fx = test->priv;

	stub_mapping(test);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			dma_declare_coherent_memory_flags(fx->dev, c->base, c->handle,
							  c->size, c->flags));
	KUNIT_EXPECT_NULL(test, fx->dev->dma_mem);
	KUNIT_EXPECT_EQ(test, fx->maps, 0);
	KUNIT_EXPECT_TRUE(test, is_left_alone(fx->dev, PAGE_SIZE));
}

struct shrink_case {
	const char *name;
	size_t offset;
	size_t size;
	unsigned long first;
	unsigned long pages;
};

static const struct shrink_case shrink_cases[] = {
	{ "whole pages", 0, 3 * PAGE_SIZE, 0, 3 },
	{ "end inside a page", 0, 2 * PAGE_SIZE + PAGE_SIZE / 2, 0, 2 },
	{ "a byte short", 0, 3 * PAGE_SIZE - 1, 0, 2 },
	{ "base inside a page", 100, 3 * PAGE_SIZE - 100, 1, 2 },
	{ "both inside a page", 100, 3 * PAGE_SIZE, 1, 2 },
	{ "the last byte of a page and a page", PAGE_SIZE - 1, PAGE_SIZE + 1, 1, 1 },
};

KUNIT_ARRAY_PARAM_DESC(shrink_case, shrink_cases, name);

/* F9: physical, virtual and bus page numbers agree. */
static void region_is_cut_down_to_whole_pages(struct kunit *test)
{
	const struct shrink_case *c = test->param_value;
	struct fixture *fx = test->priv;
	phys_addr_t base = fx->bank[0].base;
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, 0, dma_declare_coherent_memory(fx->dev, base + c->offset,
							     HANDLE + c->offset, c->size));
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->base, base + PFN_PHYS(c->first));
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->pool.pages, c->pages);
	vaddr = dma_alloc_coherent(fx->dev, c->pages * PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, fx->bank[0].mem + PFN_PHYS(c->first));
	KUNIT_EXPECT_EQ(test, handle, HANDLE + PFN_PHYS(c->first));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			dma_declare_coherent_memory(fx->dev, base + c->offset,
						    HANDLE + c->offset, c->size));
	dma_free_coherent(fx->dev, c->pages * PAGE_SIZE, vaddr, handle);

	dma_coherent_detach(fx->dev, DMA_COHERENT_DECLARED, base + c->offset);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx->dev->dma_mem);
}

/* Some boards declare before the device has a name, and before any mask. */
static void device_needs_no_name_and_no_mask(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct device *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);
	void *vaddr;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	device_initialize(dev);
	KUNIT_ASSERT_EQ(test, declare(dev, &fx->bank[0]), 0);
	vaddr = take(test, dev, POOL_PAGES);
	KUNIT_EXPECT_TRUE(test, is_refused(dev, 1));
	KUNIT_EXPECT_EQ(test, give(dev, 1, vaddr + PAGE_SIZE), 1);
	KUNIT_EXPECT_EQ(test, give(dev, POOL_PAGES, vaddr), 1);
	KUNIT_EXPECT_EQ(test, declare(dev, &fx->bank[0]), -EBUSY);
	dma_release_coherent_memory(dev);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, dev->dma_mem);
}

static void same_region_twice_is_busy(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	vaddr = take(test, fx->dev, 1);
	KUNIT_EXPECT_EQ(test, declare(fx->dev, &fx->bank[0]), -EBUSY);
	KUNIT_EXPECT_NULL(test, nth_mem(fx->dev, 1));
	expect_sound(test, fx->dev, 1);
	KUNIT_EXPECT_EQ(test, give(fx->dev, 1, vaddr), 1);
	expect_sound(test, fx->dev, 0);
}

/* R10: no leak shows by the region being made anew each time. */
static void declare_release_declare_again(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int i;

	stub_mapping(test);
	for (i = 1; i <= 50; i++) {
		KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
		KUNIT_EXPECT_EQ(test, fx->maps, i);
		KUNIT_EXPECT_EQ(test, region_of(fx->dev)->stats.allocs, 0);
		give(fx->dev, 3, take(test, fx->dev, 3));
		dma_release_coherent_memory(fx->dev);
		KUNIT_EXPECT_TRUE(test, is_left_alone(fx->dev, PAGE_SIZE));
		dma_coherent_reap();
		KUNIT_EXPECT_NULL(test, fx->dev->dma_mem);
	}
}

/* R12: what describes a region may go away as soon as it is attached. */
static void region_keeps_no_pointer_to_its_description(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_coherent_spec spec = firmware(&fx->bank[0]);
	char name[] = "passing";

	spec.name = name;
	KUNIT_ASSERT_EQ(test, dma_coherent_attach(fx->dev, &spec), 0);
	memset(name, 'x', sizeof(name) - 1);
	memset(&spec, DIRT, sizeof(spec));
	KUNIT_EXPECT_STREQ(test, region_of(fx->dev)->name, "passing");
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->base, fx->bank[0].base);
	take(test, fx->dev, POOL_PAGES);
}

/* What the device tree gave is not platform code's to take back. */
static void release_leaves_firmware_regions(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = add_bank(test, 4);

	KUNIT_ASSERT_EQ(test, attach(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, bank), 0);
	KUNIT_EXPECT_EQ(test, nth_region(fx->dev, 1)->base, bank->base);
	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, nth_mem(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->base, fx->bank[0].base);
	take(test, fx->dev, POOL_PAGES);
}

static void detach_finds_its_region_only(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = add_bank(test, 4);

	KUNIT_ASSERT_EQ(test, attach(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, attach(fx->dev, bank), 0);
	dma_coherent_detach(fx->dev, DMA_COHERENT_DECLARED, bank->base);
	dma_coherent_detach(fx->dev, DMA_COHERENT_FIRMWARE, bank->base + PAGE_SIZE);
	dma_coherent_reap();
	KUNIT_EXPECT_NOT_NULL(test, nth_mem(fx->dev, 1));
	dma_coherent_detach(fx->dev, DMA_COHERENT_FIRMWARE, bank->base);
	dma_coherent_detach(fx->dev, DMA_COHERENT_FIRMWARE, bank->base);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, nth_mem(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->base, fx->bank[0].base);
}

static void mapping_that_fails_leaves_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;

	stub_mapping(test);
	fx->map_fails = true;
	KUNIT_EXPECT_EQ(test, declare(fx->dev, &fx->bank[0]), -EINVAL);
	KUNIT_EXPECT_EQ(test, attach(fx->dev, &fx->bank[0]), -EINVAL);
	KUNIT_EXPECT_NULL(test, fx->dev->dma_mem);
	KUNIT_EXPECT_EQ(test, fx->maps, 2);
	KUNIT_EXPECT_TRUE(test, is_left_alone(fx->dev, PAGE_SIZE));

	fx->map_fails = false;
	KUNIT_EXPECT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 3);
	take(test, fx->dev, POOL_PAGES);
}

/* Allocations that fail */

#if defined(CONFIG_FAILSLAB) && defined(CONFIG_FAULT_INJECTION_DEBUG_FS)

/* A knob of failslab; there is no other way to it than that of user space. */
static void *failslab_knob(const char *name)
{
	struct dentry *dir = debugfs_lookup("failslab", NULL);
	struct dentry *file = dir ? debugfs_lookup(name, dir) : NULL;
	void *knob = file ? d_inode(file)->i_private : NULL;

	dput(file);
	dput(dir);
	return knob;
}

static bool failslab_set_up(void)
{
	bool *spares_kernel = failslab_knob("ignore-gfp-wait");
	unsigned long *verbose = failslab_knob("verbose");

	if (spares_kernel)
		*spares_kernel = false;
	if (verbose)
		*verbose = 0;
	return spares_kernel;
}

/* Have the @nth allocation fail from now on, 0 for none. */
static void failslab_arm(unsigned int nth)
{
	WRITE_ONCE(current->fail_nth, nth);
}

/* Return: true if there were so many that one of them failed. */
static bool failslab_disarm(void)
{
	unsigned int left = READ_ONCE(current->fail_nth);

	failslab_arm(0);
	return !left;
}

#else

static bool failslab_set_up(void)
{
	return false;
}

static void failslab_arm(unsigned int nth)
{
}

static bool failslab_disarm(void)
{
	return false;
}

#endif

static void need_failslab(struct kunit *test)
{
	if (!failslab_set_up())
		kunit_skip(test, "needs CONFIG_FAILSLAB and its debugfs files");
}

static int declare_managed(struct device *dev, const struct bank *bank)
{
	return dmam_declare_coherent_memory(dev, bank->base, HANDLE, bank->size);
}

struct failing_case {
	const char *name;
	int (*declare)(struct device *dev, const struct bank *bank);
	unsigned int allocations;
};

static const struct failing_case failing_cases[] = {
	/* The region, its pool's records, the attachment. */
	{ "declare", declare, 3 },
	{ "managed declare", declare_managed, 4 },
};

KUNIT_ARRAY_PARAM_DESC(failing_case, failing_cases, name);

/* Some do without: owners and debugfs. Of the others, each must be met. */
static void each_allocation_of_declare_may_fail(struct kunit *test)
{
	const struct failing_case *c = test->param_value;
	unsigned int nth, failed = 0;
	struct fixture *fx = test->priv;
	bool met = true;
	int err;

	need_failslab(test);
	stub_mapping(test);
	for (nth = 1; met; nth++) {
		failslab_arm(nth);
		err = c->declare(fx->dev, &fx->bank[0]);
		met = failslab_disarm();
		KUNIT_EXPECT_TRUE(test, !err || (met && err == -ENOMEM));
		failed += !!err;
		KUNIT_EXPECT_EQ(test, !fx->dev->dma_mem, !!err);
		if (!err)
			give(fx->dev, 1, take(test, fx->dev, 1));

		/* Nothing of it may be found by the next attempt. */
		dma_release_coherent_memory(fx->dev);
		dma_coherent_reap();
		fx->maps = 0;
		KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
		KUNIT_EXPECT_EQ(test, fx->maps, 1);
		give(fx->dev, POOL_PAGES, take(test, fx->dev, POOL_PAGES));
		dma_release_coherent_memory(fx->dev);
		dma_coherent_reap();
	}
	KUNIT_EXPECT_GE(test, failed, c->allocations);
}

/* R3 with a region that another device uses. */
static void each_allocation_of_sharing_may_fail(struct kunit *test)
{
	unsigned int nth, failed = 0;
	struct fixture *fx = test->priv;
	bool met = true;
	int err;

	need_failslab(test);
	KUNIT_ASSERT_EQ(test, declare(fx->other, &fx->bank[0]), 0);
	take(test, fx->other, 1);
	for (nth = 1; met; nth++) {
		failslab_arm(nth);
		err = declare(fx->dev, &fx->bank[0]);
		met = failslab_disarm();
		KUNIT_EXPECT_TRUE(test, !err || (met && err == -ENOMEM));
		failed += !!err;
		KUNIT_EXPECT_EQ(test, !fx->dev->dma_mem, !!err);
		dma_release_coherent_memory(fx->dev);
		dma_coherent_reap();
		expect_sound(test, fx->other, 1);
	}
	KUNIT_EXPECT_GE(test, failed, 1);
}

/* Sharing */

/* R5: one region, one lock, one mapping. */
static void two_devices_share_a_region(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *a, *b;

	stub_mapping(test);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, declare(fx->other, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 1);
	KUNIT_ASSERT_PTR_EQ(test, region_of(fx->dev), region_of(fx->other));
	a = take(test, fx->dev, POOL_PAGES / 2);
	b = take(test, fx->other, POOL_PAGES / 2);
	KUNIT_EXPECT_PTR_NE(test, a, b);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, nth_mem(fx->dev, 0)->live, 1);
	KUNIT_EXPECT_EQ(test, nth_mem(fx->other, 0)->live, 1);

	KUNIT_EXPECT_EQ(test, give(fx->dev, POOL_PAGES / 2, a), 1);
	KUNIT_EXPECT_PTR_EQ(test, take(test, fx->other, POOL_PAGES / 2), a);
	KUNIT_EXPECT_EQ(test, give(fx->other, POOL_PAGES / 2, a), 1);
	KUNIT_EXPECT_EQ(test, give(fx->other, POOL_PAGES / 2, b), 1);
	expect_sound(test, fx->dev, 0);
}

/* R11 */
static void one_detaches_while_the_other_goes_on(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_coherent_region *region;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, declare(fx->other, &fx->bank[0]), 0);
	region = region_of(fx->other);
	vaddr = take(test, fx->other, 2);
	memset(vaddr, 'o', 2 * PAGE_SIZE);

	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx->dev->dma_mem);
	KUNIT_EXPECT_PTR_EQ(test, region_of(fx->other), region);
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 'o', 2 * PAGE_SIZE));
	give(fx->other, 1, take(test, fx->other, 1));
	KUNIT_EXPECT_EQ(test, give(fx->other, 2, vaddr), 1);
	expect_sound(test, fx->other, 0);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&region->users));
}

/* R11: it stays although nothing of it is used. */
static void one_detaches_from_an_unused_region(struct kunit *test)
{
	struct fixture *fx = test->priv;

	stub_mapping(test);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, declare(fx->other, &fx->bank[0]), 0);
	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx->dev->dma_mem);

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 1);
	KUNIT_EXPECT_PTR_EQ(test, region_of(fx->dev), region_of(fx->other));
}

/* What the device tree and platform code describe alike is one region. */
static void sources_share_a_region(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, attach(fx->dev, &fx->bank[0]), -EBUSY);
	KUNIT_ASSERT_EQ(test, attach(fx->other, &fx->bank[0]), 0);
	KUNIT_EXPECT_PTR_EQ(test, region_of(fx->dev), region_of(fx->other));
	take(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->other, 1));

	/* Each takes back what it gave, from whoever has it. */
	dma_release_coherent_memory(fx->other);
	KUNIT_EXPECT_TRUE(test, nth_mem(fx->other, 0)->attached);
	dma_coherent_detach(fx->other, DMA_COHERENT_FIRMWARE, fx->bank[0].base);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx->other->dma_mem);
}

/* Two pools of one device never hand out the same memory. */
static void overlapping_region_is_busy(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank part = fx->bank[0];

	part.size = POOL_SIZE / 2;
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, declare(fx->dev, &part), -EBUSY);
	part.base += POOL_SIZE - PAGE_SIZE;
	part.size = PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, declare(fx->dev, &part), -EBUSY);
	/* Two buffers are not one. */
	take(test, fx->dev, POOL_PAGES / 2);
	take(test, fx->dev, POOL_PAGES / 2);
	part.base = fx->bank[0].base + POOL_SIZE / 2 - PAGE_SIZE;
	part.size = 2 * PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, declare(fx->dev, &part), -EBUSY);
	expect_sound(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_NULL(test, nth_mem(fx->dev, 1));

	/* From below, too. */
	dma_coherent_device_release(fx->other);
	part = fx->bank[0];
	part.base += PAGE_SIZE;
	part.size = PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, declare(fx->other, &part), 0);
	KUNIT_EXPECT_EQ(test, declare(fx->other, &fx->bank[0]), -EBUSY);
	part.base += PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, declare(fx->other, &part), 0);
}

static void sizes_are_kept_apart(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank front = fx->bank[0];

	front.size = POOL_SIZE / 2;
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, declare(fx->other, &front), 0);
	KUNIT_EXPECT_PTR_NE(test, region_of(fx->dev), region_of(fx->other));
	KUNIT_EXPECT_TRUE(test, is_refused(fx->other, POOL_SIZE));
	take(test, fx->dev, POOL_PAGES);
}

static void second_region_serves_when_the_first_is_full(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = add_bank(test, 2 * POOL_PAGES);
	dma_addr_t handle = 0;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, declare_as(fx->dev, bank, 2 * HANDLE, 0), 0);
	take(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_EQ(test, used(fx->dev), POOL_PAGES);
	KUNIT_EXPECT_EQ(test, nth_region(fx->dev, 1)->pool.used_pages, 0);
	vaddr = dma_alloc_coherent(fx->dev, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, bank->mem);
	KUNIT_EXPECT_EQ(test, handle, 2 * HANDLE);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, 2 * POOL_SIZE));

	dma_free_coherent(fx->dev, PAGE_SIZE, vaddr, handle);
	KUNIT_EXPECT_EQ(test, nth_region(fx->dev, 1)->pool.used_pages, 0);
	take(test, fx->dev, 2 * POOL_PAGES);
	KUNIT_EXPECT_EQ(test, nth_region(fx->dev, 1)->pool.used_pages, 2 * POOL_PAGES);
}

/* As remoteproc does: a pool for a child, out of a buffer of the parent. */
static void pools_may_nest(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank inner = { .size = 8 * PAGE_SIZE };

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	take(test, fx->dev, 8);
	inner.mem = take(test, fx->dev, 8);
	inner.base = virt_to_phys(inner.mem);
	KUNIT_ASSERT_EQ(test, declare(fx->other, &inner), 0);
	KUNIT_EXPECT_PTR_EQ(test, take(test, fx->other, 2), inner.mem);
	KUNIT_EXPECT_EQ(test, give(fx->other, 2, inner.mem), 1);
	expect_sound(test, fx->other, 0);
	expect_sound(test, fx->dev, 16);
}

/* Also where all of the parent's pool is that one buffer. */
static void whole_pool_may_nest(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct device *parent = fx->other->parent;
	struct bank inner = fx->bank[0];

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	inner.mem = take(test, fx->dev, POOL_PAGES);
	fx->other->parent = fx->dev;
	KUNIT_EXPECT_EQ(test, declare(fx->other, &inner), 0);
	fx->other->parent = parent;
	KUNIT_ASSERT_NOT_NULL(test, nth_mem(fx->other, 0));
	KUNIT_EXPECT_PTR_NE(test, region_of(fx->other), region_of(fx->dev));
	KUNIT_EXPECT_PTR_EQ(test, take(test, fx->other, 2), inner.mem);
	KUNIT_EXPECT_EQ(test, give(fx->other, 2, inner.mem), 1);
	expect_sound(test, fx->dev, POOL_PAGES);
	dma_release_coherent_memory(fx->other);
	dma_coherent_reap();

	/* Somebody else shares it, full as it is. */
	KUNIT_ASSERT_EQ(test, declare(fx->other, &fx->bank[0]), 0);
	KUNIT_EXPECT_PTR_EQ(test, region_of(fx->other), region_of(fx->dev));
	KUNIT_EXPECT_TRUE(test, is_refused(fx->other, 1));
}

/* On one device, the innermost pool knows the buffer. */
static void release_goes_to_the_innermost_pool(struct kunit *test)
{
	struct bank inner = { .size = 8 * PAGE_SIZE };
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	take(test, fx->dev, 16);
	inner.mem = take(test, fx->dev, 8);
	inner.base = virt_to_phys(inner.mem);
	take(test, fx->dev, 8);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &inner), 0);
	KUNIT_EXPECT_PTR_EQ(test, take(test, fx->dev, 8), inner.mem);
	KUNIT_EXPECT_EQ(test, give(fx->dev, 8, inner.mem), 1);
	expect_sound(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_EQ(test, nth_region(fx->dev, 1)->pool.used_pages, 0);

	dma_coherent_detach(fx->dev, DMA_COHERENT_DECLARED, inner.base);
	dma_coherent_reap();
	KUNIT_EXPECT_EQ(test, give(fx->dev, 8, inner.mem), 1);
	expect_sound(test, fx->dev, POOL_PAGES - 8);
}

struct prober {
	struct kunit *test;
	struct device *dev;
	const struct bank *bank;
	struct completion *go;
	struct completion done;
	int err;
};

static int probe(void *data)
{
	struct prober *prober = data;

	/* For the stub. */
	current->kunit_test = prober->test;
	wait_for_completion(prober->go);
	prober->err = declare(prober->dev, prober->bank);
	complete(&prober->done);
	return 0;
}

/* F7: while the one maps the region, the other comes. */
static void two_devices_probe_at_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	DECLARE_COMPLETION_ONSTACK(go);
	struct prober prober[2] = {
		{ .dev = fx->dev },
		{ .dev = fx->other },
	};
	unsigned int i;

	stub_mapping(test);
	fx->map_sleeps = true;
	for (i = 0; i < 2; i++) {
		prober[i].test = test;
		prober[i].bank = &fx->bank[0];
		prober[i].go = &go;
		prober[i].err = -ECHILD;
		init_completion(&prober[i].done);
		if (IS_ERR(kthread_run(probe, &prober[i], "probe/%u", i)))
			complete(&prober[i].done);
	}
	complete_all(&go);
	for (i = 0; i < 2; i++)
		wait_for_completion(&prober[i].done);
	KUNIT_ASSERT_EQ(test, prober[0].err, 0);
	KUNIT_ASSERT_EQ(test, prober[1].err, 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 1);
	KUNIT_EXPECT_PTR_EQ(test, region_of(fx->dev), region_of(fx->other));
}

/* Lifetime */

/* F8: no new buffers, but the old ones are still known. */
static void detached_with_buffers_out(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct view view = { .dev = fx->dev, .size = PAGE_SIZE };
	void *a, *b;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	a = take(test, fx->dev, 1);
	b = take(test, fx->dev, 2);
	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
	KUNIT_EXPECT_TRUE(test, is_left_alone(fx->dev, PAGE_SIZE));

	view.vaddr = a;
	*(u32 *)a = 0x600d;
	expect_user_word(test, view_map(test, &view, 1), 0x600d);
	KUNIT_EXPECT_EQ(test, give(fx->dev, 1, a), 1);
	dma_coherent_reap();
	expect_sound(test, fx->dev, 2);
	KUNIT_EXPECT_EQ(test, give(fx->dev, 1, b + PAGE_SIZE), 1);
	dma_coherent_reap();
	KUNIT_ASSERT_NOT_NULL(test, fx->dev->dma_mem);

	KUNIT_EXPECT_EQ(test, give(fx->dev, 2, b), 1);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx->dev->dma_mem);
	KUNIT_EXPECT_EQ(test, give(fx->dev, 2, b), 0);
}

static void attaching_again_revives(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	stub_mapping(test);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	vaddr = take(test, fx->dev, 1);
	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();

	KUNIT_EXPECT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 1);
	KUNIT_EXPECT_NULL(test, nth_mem(fx->dev, 1));
	KUNIT_EXPECT_PTR_NE(test, take(test, fx->dev, 1), vaddr);
	expect_sound(test, fx->dev, 2);
	KUNIT_EXPECT_EQ(test, declare(fx->dev, &fx->bank[0]), -EBUSY);

	KUNIT_EXPECT_EQ(test, give(fx->dev, 1, vaddr), 1);
	dma_coherent_reap();
	expect_sound(test, fx->dev, 1);
}

static void released_after_detach_then_attached_again(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	stub_mapping(test);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	vaddr = take(test, fx->dev, 1);
	dma_release_coherent_memory(fx->dev);
	KUNIT_EXPECT_EQ(test, give(fx->dev, 1, vaddr), 1);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx->dev->dma_mem);

	KUNIT_EXPECT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 2);
	expect_sound(test, fx->dev, 0);
	take(test, fx->dev, POOL_PAGES);
}

/* Whoever declares it again may say other things about it. */
static void revival_takes_the_new_handle_and_flags(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = &fx->bank[0];
	dma_addr_t handle = 0;
	void *first, *second;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, bank), 0);
	first = take(test, fx->dev, 1);
	dma_release_coherent_memory(fx->dev);
	KUNIT_ASSERT_EQ(test, 0, declare_as(fx->dev, bank, 2 * HANDLE,
					    DMA_COHERENT_FALLBACK));
	second = dma_alloc_coherent(fx->dev, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, second);
	KUNIT_EXPECT_EQ(test, handle, 2 * HANDLE + (second - first));
	KUNIT_EXPECT_TRUE(test, is_left_alone(fx->dev, POOL_SIZE));
	KUNIT_EXPECT_EQ(test, give(fx->dev, 1, first), 1);
	dma_free_coherent(fx->dev, PAGE_SIZE, second, handle);
	expect_sound(test, fx->dev, 0);
}

/* The hardware may still write to them: their pages stay taken. */
static void device_dies_with_buffers_out(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	stub_mapping(test);
	KUNIT_ASSERT_EQ(test, declare(fx->other, &fx->bank[0]), 0);
	vaddr = take(test, fx->other, 4);
	memset(vaddr, 'd', 4 * PAGE_SIZE);
	kunit_device_unregister(test, fx->other);
	fx->other = NULL;
	dma_coherent_reap();

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 1);
	expect_sound(test, fx->dev, 4);
	take(test, fx->dev, POOL_PAGES - 16);
	take(test, fx->dev, 8);
	take(test, fx->dev, 4);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, 1));
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 'd', 4 * PAGE_SIZE));
}

static void device_dies_detached_with_buffers_out(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = add_bank(test, 4);

	KUNIT_ASSERT_EQ(test, declare(fx->other, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, attach(fx->other, bank), 0);
	take(test, fx->other, 4);
	dma_release_coherent_memory(fx->other);
	kunit_device_unregister(test, fx->other);
	fx->other = NULL;
	dma_coherent_reap();
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	expect_sound(test, fx->dev, 4);
}

static void device_dies_with_nothing_out(struct kunit *test)
{
	struct fixture *fx = test->priv;

	stub_mapping(test);
	KUNIT_ASSERT_EQ(test, declare(fx->other, &fx->bank[0]), 0);
	give(fx->other, 4, take(test, fx->other, 4));
	kunit_device_unregister(test, fx->other);
	fx->other = NULL;
	dma_coherent_reap();
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 2);
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->stats.allocs, 0);
}

/* Contexts */

struct irq_call {
	struct irq_work irq;
	struct work_struct bh;
	void (*fn)(void *arg);
	void *arg;
};

static void irq_call_hard(struct irq_work *irq)
{
	struct irq_call *call = container_of(irq, struct irq_call, irq);

	call->fn(call->arg);
}

static void irq_call_soft(struct work_struct *bh)
{
	struct irq_call *call = container_of(bh, struct irq_call, bh);

	call->fn(call->arg);
}

static void call_in_process(void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

static void call_with_irqs_off(void (*fn)(void *arg), void *arg)
{
	unsigned long flags;

	local_irq_save(flags);
	fn(arg);
	local_irq_restore(flags);
}

static void call_in_hardirq(void (*fn)(void *arg), void *arg)
{
	struct irq_call call = {
		.irq = IRQ_WORK_INIT_HARD(irq_call_hard),
		.fn = fn,
		.arg = arg,
	};

	irq_work_queue(&call.irq);
	irq_work_sync(&call.irq);
}

static void call_in_softirq(void (*fn)(void *arg), void *arg)
{
	struct irq_call call = { .fn = fn, .arg = arg };

	INIT_WORK_ONSTACK(&call.bh, irq_call_soft);
	queue_work(system_bh_wq, &call.bh);
	flush_work(&call.bh);
	destroy_work_on_stack(&call.bh);
}

struct context_case {
	const char *name;
	void (*call)(void (*fn)(void *arg), void *arg);
	bool hardirq;
	bool softirq;
	bool irqs_off;
};

static const struct context_case contexts[] = {
	{ "process", call_in_process },
	{ "interrupts off", call_with_irqs_off, .irqs_off = true },
	{ "softirq", call_in_softirq, .softirq = true },
	{ "hard interrupt", call_in_hardirq, .hardirq = true, .irqs_off = true },
};

KUNIT_ARRAY_PARAM_DESC(context, contexts, name);

struct round_trip {
	struct device *dev;
	struct context_case seen;
	void *vaddr;
	bool zeroed;
	bool refused;
	int released;
};

static void go_round(void *arg)
{
	struct round_trip *trip = arg;
	dma_addr_t handle;
	void *vaddr = NULL;

	trip->seen.hardirq = in_hardirq();
	trip->seen.softirq = in_serving_softirq();
	trip->seen.irqs_off = irqs_disabled();
	/* The hooks: the debugging of the API has locks that may sleep with PREEMPT_RT. */
	dma_alloc_from_coherent(trip->dev, 3 * PAGE_SIZE, &handle, &vaddr);
	trip->vaddr = vaddr;
	if (!vaddr)
		return;
	trip->zeroed = !memchr_inv(trip->vaddr, 0, 3 * PAGE_SIZE);
	trip->refused = is_refused(trip->dev, POOL_SIZE);
	give(trip->dev, 3, vaddr);
	trip->released = give(trip->dev, 3, trip->vaddr);
}

static void alloc_and_release_in_any_context(struct kunit *test)
{
	const struct context_case *c = test->param_value;
	struct fixture *fx = test->priv;
	struct round_trip trip = { .dev = fx->dev };

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	c->call(go_round, &trip);
	KUNIT_EXPECT_EQ(test, trip.seen.hardirq, c->hardirq);
	KUNIT_EXPECT_EQ(test, trip.seen.softirq, c->softirq);
	KUNIT_EXPECT_EQ(test, trip.seen.irqs_off, c->irqs_off);
	KUNIT_ASSERT_NOT_NULL(test, trip.vaddr);
	KUNIT_EXPECT_TRUE(test, trip.zeroed);
	KUNIT_EXPECT_TRUE(test, trip.refused);
	KUNIT_EXPECT_EQ(test, trip.released, 1);
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_GOOD), 1);
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_NOT_LIVE), 1);
	expect_sound(test, fx->dev, 0);
}

struct last_release {
	struct device *dev;
	void *vaddr;
	bool still_there;
	int released;
};

static void release_the_last(void *arg)
{
	struct last_release *last = arg;

	last->released = give(last->dev, 1, last->vaddr);
	last->still_there = last->dev->dma_mem;
}

/* Nothing can be unmapped there: that comes later. */
static void last_release_in_any_context(struct kunit *test)
{
	const struct context_case *c = test->param_value;
	struct fixture *fx = test->priv;
	struct last_release last = { .dev = fx->dev };

	stub_mapping(test);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	last.vaddr = take(test, fx->dev, 1);
	dma_release_coherent_memory(fx->dev);
	c->call(release_the_last, &last);
	KUNIT_EXPECT_EQ(test, last.released, 1);
	if (c->irqs_off)
		KUNIT_EXPECT_TRUE(test, last.still_there);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx->dev->dma_mem);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, fx->maps, 2);
}

/* Reach */

struct reach_case {
	const char *name;
	u64 mask;
	u64 bus_limit;
	unsigned long pages;
	bool warns;
};

static const struct reach_case reach_cases[] = {
	{ "no mask", 0, 0, POOL_PAGES },
	{ "mask beyond", U64_MAX, 0, POOL_PAGES },
	{ "mask at the end", HANDLE + POOL_SIZE - 1, 0, POOL_PAGES },
	{ "mask a byte short", HANDLE + POOL_SIZE - 2, 0, POOL_PAGES - 1 },
	{ "half", HANDLE + POOL_SIZE / 2 - 1, 0, POOL_PAGES / 2 },
	{ "mask inside a page", HANDLE + 3 * PAGE_SIZE + 100, 0, 3 },
	{ "one page", HANDLE + PAGE_SIZE - 1, 0, 1 },
	{ "bus limit", U64_MAX, HANDLE + 4 * PAGE_SIZE - 1, 4 },
	{ "bus limit, no mask", 0, HANDLE + 4 * PAGE_SIZE - 1, 4 },
	{ "mask below bus limit", HANDLE + 2 * PAGE_SIZE - 1, HANDLE + POOL_SIZE, 2 },
	{ "a byte less than a page", HANDLE + PAGE_SIZE - 2, 0, POOL_PAGES, true },
	{ "nothing", DMA_BIT_MASK(24), 0, POOL_PAGES, true },
	{ "nothing for the bus", U64_MAX, DMA_BIT_MASK(24), POOL_PAGES, true },
};

KUNIT_ARRAY_PARAM_DESC(reach_case, reach_cases, name);

/* Return: how many single pages a device gets, all of them among the first. */
static unsigned long count_served(struct kunit *test, struct device *dev)
{
	unsigned long served, first = ULONG_MAX, last = 0, page;
	dma_addr_t handle;
	void *vaddr;

	for (served = 0; served <= POOL_PAGES; served++) {
		dma_alloc_from_coherent(dev, PAGE_SIZE, &handle, &vaddr);
		if (!vaddr)
			break;
		page = page_of(dev, vaddr);
		first = min(first, page);
		last = max(last, page);
	}
	KUNIT_EXPECT_TRUE(test, !served || (!first && last == served - 1));
	return served;
}

/* F10: each byte of a buffer is within mask and bus limit. */
static void buffers_are_within_reach(struct kunit *test)
{
	const struct reach_case *c = test->param_value;
	struct fixture *fx = test->priv;
	void *vaddr;

	fx->dev->coherent_dma_mask = c->mask;
	fx->dev->bus_dma_limit = c->bus_limit;
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, count_served(test, fx->dev), c->pages);
	KUNIT_EXPECT_EQ(test, refusals(fx->dev, DMA_COHERENT_OUT_OF_REACH),
			c->pages < POOL_PAGES);
	KUNIT_EXPECT_EQ(test, atomic_read(&nth_mem(fx->dev, 0)->warned), c->warns);

	dma_coherent_drain(fx->dev);
	vaddr = take(test, fx->dev, c->pages);
	KUNIT_EXPECT_EQ(test, page_of(fx->dev, vaddr), 0);
	KUNIT_EXPECT_EQ(test, give(fx->dev, c->pages, vaddr), 1);
	if (c->pages < POOL_PAGES)
		KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, (c->pages + 1) * PAGE_SIZE));
}

/* A region out of reach does not keep from one behind it that is not. */
static void regions_in_reach_come_first(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *low = add_bank(test, 2);
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare_as(fx->dev, &fx->bank[0], 2 * HANDLE, 0), 0);
	KUNIT_ASSERT_EQ(test, declare_as(fx->dev, low, HANDLE, 0), 0);
	fx->dev->coherent_dma_mask = 2 * HANDLE - 1;
	vaddr = take(test, fx->dev, 2);
	KUNIT_EXPECT_PTR_EQ(test, vaddr, low->mem);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, used(fx->dev), 0);
	KUNIT_EXPECT_EQ(test, give(fx->dev, 2, vaddr), 1);

	/* Where all are out of reach, they serve. */
	fx->dev->coherent_dma_mask = HANDLE - 1;
	KUNIT_EXPECT_EQ(test, give(fx->dev, 1, take(test, fx->dev, 1)), 1);
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_GOOD), 1);
}

static void mask_counts_when_it_is_asked_for(struct kunit *test)
{
	struct fixture *fx = test->priv;

	fx->dev->coherent_dma_mask = 0;
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	fx->dev->coherent_dma_mask = HANDLE + POOL_SIZE / 2 - 1;
	KUNIT_EXPECT_EQ(test, count_served(test, fx->dev), POOL_PAGES / 2);
	fx->dev->coherent_dma_mask = DMA_BIT_MASK(32);
	take(test, fx->dev, POOL_PAGES / 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&nth_mem(fx->dev, 0)->warned), 0);
}

/* Two devices, two masks, one region. */
static void each_device_has_its_own_reach(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	fx->dev->coherent_dma_mask = HANDLE + 4 * PAGE_SIZE - 1;
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, declare_as(fx->other, &fx->bank[0], 2 * HANDLE, 0), 0);
	KUNIT_EXPECT_EQ(test, count_served(test, fx->dev), 4);
	vaddr = take(test, fx->other, 16);
	KUNIT_EXPECT_EQ(test, page_of(fx->other, vaddr), 16);
	KUNIT_EXPECT_EQ(test, give(fx->other, 16, vaddr), 1);
	vaddr = take(test, fx->other, 8);
	KUNIT_EXPECT_TRUE(test, is_refused(fx->dev, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, give(fx->other, 8, vaddr), 1);
}

/**
 * struct range_case - what of a bank a device's dma-ranges cover
 * @name: of the case
 * @range: two ranges, in pages; the first page is counted from the bank's
 *	start, and the DMA address from HANDLE
 * @handle: the DMA address of the bank, in pages from HANDLE
 * @pages: how many of the bank's pages are served
 */
struct range_case {
	const char *name;
	struct {
		long first;
		unsigned long handle;
		unsigned long pages;
	} range[2];
	unsigned long handle;
	unsigned long pages;
};

static const struct range_case range_cases[] = {
	{ "all", { { 0, 0, POOL_PAGES } }, 0, POOL_PAGES },
	{ "more than all", { { -4, 0, POOL_PAGES + 8 } }, 4, POOL_PAGES },
	{ "first half", { { 0, 7, POOL_PAGES / 2 } }, 7, POOL_PAGES / 2 },
	{ "from before to the first page", { { -4, 0, 5 } }, 4, 1 },
	{ "in the second range", { { 100, 0, 50 }, { -2, 64, 34 } }, 66, POOL_PAGES },
	{ "first half in the second range", { { -9, 0, 9 }, { 0, 64, 16 } }, 64, 16 },
	{ "not the first page", { { 1, 0, POOL_PAGES } }, 0, 0 },
	{ "nothing", { { POOL_PAGES, 0, 100 } }, 0, 0 },
	{ "nothing in two", { { POOL_PAGES, 0, 1 }, { -9, 64, 9 } }, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(range_case, range_cases, name);

/* The device frees it when it goes. */
static void set_ranges(struct kunit *test, struct device *dev, phys_addr_t base,
		       const struct range_case *c)
{
	struct bus_dma_region *map = kcalloc(3, sizeof(*map), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, map);
	for (i = 0; i < 2; i++) {
		map[i].cpu_start = base + c->range[i].first * (s64)PAGE_SIZE;
		map[i].dma_start = HANDLE + PFN_PHYS(c->range[i].handle);
		map[i].size = PFN_PHYS(c->range[i].pages);
	}
	dev->dma_range_map = map;
}

/* R7: the handle is the device's, and pages that have none are not served. */
static void handles_follow_dma_ranges(struct kunit *test)
{
	const struct range_case *c = test->param_value;
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0;
	void *vaddr;

	set_ranges(test, fx->dev, fx->bank[0].base, c);
	KUNIT_ASSERT_EQ(test, attach(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, count_served(test, fx->dev), c->pages);
	KUNIT_EXPECT_EQ(test, refusals(fx->dev, DMA_COHERENT_OUT_OF_REACH),
			c->pages < POOL_PAGES);
	KUNIT_EXPECT_EQ(test, atomic_read(&nth_mem(fx->dev, 0)->warned), 0);
	dma_coherent_drain(fx->dev);
	if (!c->pages)
		return;
	KUNIT_EXPECT_EQ(test, 1, dma_alloc_from_coherent(fx->dev, PFN_PHYS(c->pages),
							 &handle, &vaddr));
	KUNIT_EXPECT_EQ(test, handle, HANDLE + PFN_PHYS(c->handle));
}

/* jh7100: 0x107a000000 is 0xfa000000 to its devices, and 32 bits do. */
static void mask_is_compared_with_the_translated_address(struct kunit *test)
{
	static const struct range_case ranges = {
		.range = { { 0, 0, POOL_PAGES } },
	};
	struct fixture *fx = test->priv;
	struct bank *bank;

	if (sizeof(phys_addr_t) < 8)
		kunit_skip(test, "no physical addresses above 4 GiB");
	bank = add_bank_at(test, POOL_PAGES, (phys_addr_t)0x107a000000ULL);
	set_ranges(test, fx->dev, bank->base, &ranges);
	fx->dev->coherent_dma_mask = HANDLE + POOL_SIZE / 2 - 1;
	KUNIT_ASSERT_EQ(test, attach(fx->dev, bank), 0);
	KUNIT_EXPECT_EQ(test, count_served(test, fx->dev), POOL_PAGES / 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&nth_mem(fx->dev, 0)->warned), 0);
}

/* Cached or not */

static void forget_ram(void *res)
{
	remove_resource(res);
}

/* Have a bank count as System RAM, which UML does not know of. */
static void call_it_ram(struct kunit *test, const struct bank *bank)
{
	struct resource *res;

	if (region_intersects(bank->base, bank->size, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) == REGION_INTERSECTS)
		return;
	res = kunit_kzalloc(test, sizeof(*res), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, res);
	res->name = "System RAM";
	res->start = bank->base;
	res->end = bank->base + bank->size - 1;
	res->flags = IORESOURCE_SYSTEM_RAM;
	KUNIT_ASSERT_EQ(test, insert_resource(&iomem_resource, res), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, forget_ram, res), 0);
}

/* F12: ordinary memory of a cache-coherent device is mapped like any other. */
static void ram_of_a_coherent_device_is_cached(struct kunit *test)
{
	struct fixture *fx = test->priv;

	call_it_ram(test, &fx->bank[0]);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->cached, dev_is_dma_coherent(fx->dev));
	take(test, fx->dev, POOL_PAGES);
}

static void other_memory_is_write_combined(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = add_bank_at(test, 4, (phys_addr_t)SZ_2G + SZ_1G);

	if (region_intersects(bank->base, bank->size, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT)
		kunit_skip(test, "there is memory at 3 GiB");
	KUNIT_ASSERT_EQ(test, declare(fx->dev, bank), 0);
	KUNIT_EXPECT_FALSE(test, region_of(fx->dev)->cached);
}

static bool only_the_first_can_cache(struct device *dev)
{
	struct fixture *fx = kunit_get_current_test()->priv;

	return dev == fx->dev;
}

/* F12: what is mapped cached, can't serve a device that needs it otherwise. */
static void cached_region_refuses_a_device_that_is_not_coherent(struct kunit *test)
{
	struct fixture *fx = test->priv;

	stub_mapping(test);
	kunit_activate_static_stub(test, dma_coherent_can_cache, only_the_first_can_cache);
	call_it_ram(test, &fx->bank[0]);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_TRUE(test, region_of(fx->dev)->cached);
	KUNIT_EXPECT_EQ(test, declare(fx->other, &fx->bank[0]), -EINVAL);
	KUNIT_EXPECT_NULL(test, fx->other->dma_mem);

	/* The other way round, it is cached for neither. */
	dma_release_coherent_memory(fx->dev);
	dma_coherent_reap();
	KUNIT_ASSERT_EQ(test, declare(fx->other, &fx->bank[0]), 0);
	KUNIT_EXPECT_FALSE(test, region_of(fx->other)->cached);
	KUNIT_EXPECT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
}

/* The global pool, one for each boot. It may be the device tree's. */

#ifdef CONFIG_DMA_GLOBAL_POOL
static int global_init(phys_addr_t base, size_t size)
{
	return dma_init_global_coherent(base, size);
}
#else
static int global_init(phys_addr_t base, size_t size)
{
	return -EOPNOTSUPP;
}
#endif

static void make_global_bank(struct kunit *test)
{
	if (global_bank.mem)
		return;
	global_bank.size = POOL_SIZE;
	global_bank.mem = alloc_pages_exact(POOL_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, global_bank.mem);
	global_bank.base = virt_to_phys(global_bank.mem);
	memset(global_bank.mem, DIRT, POOL_SIZE);
}

/* Its first page and its last one are not whole: they don't count. */
static int global_init_bank(void)
{
	return global_init(global_bank.base - 100, 100 + global_bank.size + 50);
}

static void global_is_there(struct kunit *test)
{
	int err;

	make_global_bank(test);
	err = global_init_bank();
	if (err == -EOPNOTSUPP)
		kunit_skip(test, "no global pool in this kernel");
	if (err)
		KUNIT_ASSERT_EQ(test, err, -EBUSY);
}

/* Runs first, when there is none yet. */
static void global_init_that_fails_leaves_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	unsigned int nth, failed = 0;
	dma_addr_t handle = 1234;
	bool met = true;
	int err;

	add_bank(test, POOL_PAGES);
	stub_mapping(test);
	fx->map_fails = true;
	err = global_init(fx->bank[0].base, POOL_SIZE);
	if (err == -EBUSY || err == -EOPNOTSUPP)
		kunit_skip(test, "there is a global pool already, or never one");
	KUNIT_EXPECT_EQ(test, err, -EINVAL);
	KUNIT_EXPECT_EQ(test, global_init(fx->bank[0].base, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, global_init(fx->bank[0].base, PAGE_SIZE - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, global_init(-(phys_addr_t)PAGE_SIZE, POOL_SIZE), -EINVAL);
	KUNIT_EXPECT_NULL(test, dma_alloc_from_global_coherent(fx->dev, 1, &handle));
	KUNIT_EXPECT_EQ(test, handle, 1234);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, fx->bank[0].mem), 0);
	KUNIT_EXPECT_EQ(test, dma_mmap_from_global_coherent(NULL, fx->bank[0].mem, 1, &err), 0);

	/* What another device has cached, is not for devices that aren't coherent. */
	fx->map_fails = false;
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	region_of(fx->dev)->cached = true;
	KUNIT_EXPECT_EQ(test, global_init(fx->bank[0].base, POOL_SIZE), -EINVAL);

	/* What is allocated before it is mapped: attachment, region, pool's records. */
	fx->map_fails = true;
	for (nth = 1; met && failslab_set_up(); nth++) {
		failslab_arm(nth);
		err = global_init(fx->bank[1].base, POOL_SIZE);
		met = failslab_disarm();
		KUNIT_EXPECT_TRUE(test, err == -EINVAL || (met && err == -ENOMEM));
		failed += err == -ENOMEM;
		dma_coherent_reap();
	}
	KUNIT_EXPECT_TRUE(test, failed >= 3 || !failslab_set_up());
}

/* It may be memory that a device has already. */
static void global_pool_shares_a_devices_region(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_coherent_mem *mem;
	dma_addr_t handle;
	void *vaddr;
	int err;

	make_global_bank(test);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &global_bank), 0);
	err = global_init_bank();
	if (err == -EBUSY || err == -EOPNOTSUPP)
		kunit_skip(test, "there is a global pool already, or never one");
	KUNIT_ASSERT_EQ(test, err, 0);
	vaddr = take(test, fx->dev, POOL_PAGES);
	KUNIT_EXPECT_NULL(test, dma_alloc_from_global_coherent(fx->other, 1, &handle));
	KUNIT_EXPECT_EQ(test, give(fx->dev, POOL_PAGES, vaddr), 1);
	mem = list_last_entry(&region_of(fx->dev)->users, typeof(*mem), node);
	KUNIT_EXPECT_NULL(test, mem->dev);
	KUNIT_EXPECT_EQ(test, mem->view.handle, global_bank.base);
}

static void second_global_pool_is_busy(struct kunit *test)
{
	struct fixture *fx = test->priv;

	global_is_there(test);
	stub_mapping(test);
	KUNIT_EXPECT_EQ(test, global_init(fx->bank[0].base, POOL_SIZE), -EBUSY);
	KUNIT_EXPECT_EQ(test, fx->maps, 0);
}

static void global_pool_serves(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0, again;
	void *vaddr, *more;

	global_is_there(test);
	vaddr = dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE + 100, &handle);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_EQ(test, handle, phys_to_dma(fx->dev, virt_to_phys(vaddr)));
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 0, 2 * PAGE_SIZE));
	memset(vaddr, DIRT, 2 * PAGE_SIZE);

	/* Bad ones are the pool's all the same. */
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, vaddr + PAGE_SIZE), 1);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, vaddr), 1);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, vaddr), 1);
	more = dma_alloc_from_global_coherent(fx->dev, 2 * PAGE_SIZE, &again);
	KUNIT_ASSERT_PTR_EQ(test, more, vaddr);
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 0, 2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, again, handle);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, vaddr), 1);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, fx), 0);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, NULL), 0);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, (void *)-PAGE_SIZE), 0);
}

static void global_pool_refuses_bad_sizes(struct kunit *test)
{
	static const ssize_t sizes[] = { 0, -1, LONG_MIN, LONG_MAX };
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	unsigned int i;
	void *vaddr;

	global_is_there(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		handle = 0;
		vaddr = dma_alloc_from_global_coherent(fx->dev, sizes[i], &handle);
		KUNIT_EXPECT_NULL(test, vaddr);
		KUNIT_EXPECT_EQ(test, handle, DMA_MAPPING_ERROR);
	}
}

static void global_pool_obeys_each_devices_reach(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0, other = 0;
	void *a, *b;

	global_is_there(test);
	a = dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE, &handle);
	KUNIT_ASSERT_NOT_NULL(test, a);
	dma_release_from_global_coherent(0, a);

	fx->dev->coherent_dma_mask = handle + PAGE_SIZE - 1;
	KUNIT_EXPECT_PTR_EQ(test, a, dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE,
								    &handle));
	KUNIT_EXPECT_NULL(test, dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE, &other));
	KUNIT_EXPECT_EQ(test, other, DMA_MAPPING_ERROR);
	b = dma_alloc_from_global_coherent(fx->other, PAGE_SIZE, &other);
	KUNIT_EXPECT_NOT_NULL(test, b);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, a), 1);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, b), 1);
}

/* As a device's own region does. */
static void global_pool_out_of_reach_serves(struct kunit *test)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle = 0;
	void *vaddr;

	global_is_there(test);
	fx->dev->coherent_dma_mask = PAGE_SIZE - 1;
	vaddr = dma_alloc_from_global_coherent(fx->dev, PAGE_SIZE, &handle);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_EQ(test, handle, phys_to_dma(fx->dev, virt_to_phys(vaddr)));
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(0, vaddr), 1);
}

static void global_pool_maps(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct view view = { .size = 2 * PAGE_SIZE };
	phys_addr_t phys = 0;
	dma_addr_t handle;

	global_is_there(test);
	view.vaddr = dma_alloc_from_global_coherent(fx->dev, view.size, &handle);
	KUNIT_ASSERT_NOT_NULL(test, view.vaddr);
	KUNIT_EXPECT_TRUE(test, dma_coherent_to_phys(fx->dev, view.vaddr, &phys));
	KUNIT_EXPECT_EQ(test, phys, dma_to_phys(fx->dev, handle));
	*(u32 *)(view.vaddr + PAGE_SIZE) = 0x910ba1;
	expect_user_word(test, view_map(test, &view, 2) + PAGE_SIZE, 0x910ba1);
	KUNIT_EXPECT_EQ(test, (long)view_map(test, &view, 3), -ENXIO);
	view.pgoff = 2;
	KUNIT_EXPECT_EQ(test, (long)view_map(test, &view, 1), -ENXIO);
	KUNIT_EXPECT_EQ(test, dma_release_from_global_coherent(1, view.vaddr), 1);
	view.pgoff = 0;
	KUNIT_EXPECT_EQ(test, (long)view_map(test, &view, 1), -ENXIO);
	view.vaddr = fx->bank[0].mem;
	KUNIT_EXPECT_EQ(test, (long)view_map(test, &view, 1), -ENODEV);
}

/* Scatter lists, and physical addresses */

static void sgtable_is_the_buffer(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct sg_table sgt;
	dma_addr_t handle;
	void *vaddr;
	int ret = 1;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	take(test, fx->dev, 1);
	vaddr = dma_alloc_coherent(fx->dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, 0, dma_get_sgtable(fx->dev, &sgt, vaddr, handle,
						 2 * PAGE_SIZE + 1));
	KUNIT_EXPECT_EQ(test, sgt.nents, 1);
	KUNIT_EXPECT_EQ(test, sg_phys(sgt.sgl), fx->bank[0].base + (vaddr - fx->bank[0].mem));
	KUNIT_EXPECT_EQ(test, sgt.sgl->length, 3 * PAGE_SIZE);
	sg_free_table(&sgt);

	KUNIT_EXPECT_EQ(test, -ENXIO, dma_get_sgtable(fx->dev, &sgt, vaddr, handle,
						      3 * PAGE_SIZE + 1));
	KUNIT_EXPECT_EQ(test, -ENXIO, dma_get_sgtable(fx->dev, &sgt, vaddr, handle, 0));
	KUNIT_EXPECT_EQ(test, -ENXIO, dma_get_sgtable(fx->dev, &sgt, vaddr, handle, SIZE_MAX));
	KUNIT_EXPECT_EQ(test, -ENXIO, dma_get_sgtable(fx->dev, &sgt, vaddr + 8, handle, 8));
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	KUNIT_EXPECT_EQ(test, -ENXIO, dma_get_sgtable(fx->dev, &sgt, vaddr, handle, 8));
	KUNIT_EXPECT_EQ(test, 0, dma_get_sgtable_from_coherent(fx->other, &sgt, vaddr, 8, &ret));
	KUNIT_EXPECT_EQ(test, ret, 1);
}

static void sgtable_that_cannot_be_allocated(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct sg_table sgt;
	int err, ret = 1;
	void *vaddr;

	need_failslab(test);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	vaddr = take(test, fx->dev, 1);
	failslab_arm(1);
	err = dma_get_sgtable_from_coherent(fx->dev, &sgt, vaddr, PAGE_SIZE, &ret);
	KUNIT_EXPECT_TRUE(test, failslab_disarm());
	KUNIT_EXPECT_EQ(test, err, 1);
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
}

#if defined(CONFIG_64BIT) && !defined(CONFIG_SPARSEMEM)

static bool has_pages_stub(unsigned long pfn, unsigned long pages)
{
	return true;
}

/* An entry can't hold it all. Nobody looks at the pages. */
static void sgtable_above_4g(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct scatterlist *sg;
	struct sg_table sgt;
	u64 next = 2UL * SZ_4G;
	unsigned int i;
	int ret = 1;

	set_up_above_4g(test, fx->bank[0].mem, 4);
	kunit_activate_static_stub(test, dma_coherent_has_pages, has_pages_stub);
	KUNIT_EXPECT_EQ(test, 1, dma_get_sgtable_from_coherent(fx->dev, &sgt, fx->bank[0].mem,
							       PFN_PHYS(BEHIND_5G), &ret));
	KUNIT_ASSERT_EQ(test, ret, 0);
	for_each_sgtable_sg(&sgt, sg, i) {
		KUNIT_EXPECT_EQ(test, sg_phys(sg), next);
		next += sg->length;
	}
	KUNIT_EXPECT_EQ(test, next, 2UL * SZ_4G + PFN_PHYS(BEHIND_5G));
	sg_free_table(&sgt);

	/* As much as one entry holds. */
	KUNIT_EXPECT_EQ(test, 1, dma_get_sgtable_from_coherent(fx->dev, &sgt, fx->bank[0].mem,
							       SZ_4G - PAGE_SIZE, &ret));
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, sgt.orig_nents, 1);
	sg_free_table(&sgt);
	KUNIT_EXPECT_EQ(test, give(fx->dev, 4, fx->bank[0].mem + 5UL * SZ_1G), 1);
	KUNIT_EXPECT_EQ(test, give(fx->dev, BEHIND_5G, fx->bank[0].mem), 1);
}

#else

static void sgtable_above_4g(struct kunit *test)
{
	kunit_skip(test, "only where addresses have 64 bits and pages are an array");
}

#endif

/* F11 */
static void memory_without_struct_pages_has_no_sgtable(struct kunit *test)
{
	phys_addr_t far = (phys_addr_t)1 << (sizeof(far) == 8 ? 45 : 31);
	struct bank *bank = add_bank_at(test, 4, far);
	struct fixture *fx = test->priv;
	struct sg_table sgt;
	dma_addr_t handle;
	void *vaddr;

	if (pfn_valid(PHYS_PFN(far)))
		kunit_skip(test, "there is memory everywhere");
	KUNIT_ASSERT_EQ(test, declare(fx->dev, bank), 0);
	vaddr = dma_alloc_coherent(fx->dev, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	KUNIT_EXPECT_EQ(test, -ENXIO, dma_get_sgtable(fx->dev, &sgt, vaddr, handle, PAGE_SIZE));
	dma_free_coherent(fx->dev, PAGE_SIZE, vaddr, handle);
}

/* F6: what nothing else can translate. */
static void pool_knows_physical_addresses(struct kunit *test)
{
	struct bank *bank = add_bank_at(test, 4, SZ_1G);
	struct fixture *fx = test->priv;
	phys_addr_t phys = 42;

	KUNIT_EXPECT_FALSE(test, dma_coherent_to_phys(fx->dev, bank->mem, &phys));
	KUNIT_EXPECT_FALSE(test, dma_coherent_to_phys(NULL, bank->mem, &phys));
	KUNIT_EXPECT_EQ(test, phys, 42);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, bank), 0);
	KUNIT_EXPECT_TRUE(test, dma_coherent_to_phys(fx->dev, bank->mem + PAGE_SIZE + 5, &phys));
	KUNIT_EXPECT_EQ(test, phys, SZ_1G + PAGE_SIZE + 5);
}

/* Occupied ranges */

static bool is_occupied(struct device *dev, unsigned long page, unsigned long pages)
{
	struct dma_coherent_run run;

	return dma_coherent_run_at(region_of(dev), page, &run) && run.used && run.first == page &&
	       run.pages == pages;
}

static int mark_err(struct device *dev, dma_addr_t addr, size_t size)
{
	return PTR_ERR_OR_ZERO(dma_mark_declared_memory_occupied(dev, addr, size));
}

/* What is there stays there, nobody else gets it, and it is mapped and freed. */
static void occupied_range_is_a_buffer(struct kunit *test)
{
	struct view view = { .size = 3 * PAGE_SIZE };
	struct fixture *fx = test->priv;
	void *vaddr, *others;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	vaddr = dma_mark_declared_memory_occupied(fx->dev, HANDLE + 2 * PAGE_SIZE, view.size);
	KUNIT_ASSERT_PTR_EQ(test, vaddr, fx->bank[0].mem + 2 * PAGE_SIZE);
	expect_sound(test, fx->dev, 3);
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->stats.allocs, 1);
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->stats.high_water, 3);
	others = take(test, fx->dev, POOL_PAGES / 2);
	KUNIT_EXPECT_PTR_EQ(test, others, fx->bank[0].mem + POOL_SIZE / 2);
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, DIRT, view.size));

	view.dev = fx->dev;
	view.vaddr = vaddr;
	*(u32 *)(vaddr + PAGE_SIZE) = 0x0cc0;
	expect_user_word(test, view_map(test, &view, 3) + PAGE_SIZE, 0x0cc0);
	KUNIT_EXPECT_EQ(test, give(fx->dev, 3, vaddr), 1);
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_GOOD), 1);
	expect_sound(test, fx->dev, POOL_PAGES / 2);
}

struct occupied_case {
	const char *name;
	dma_addr_t offset;
	size_t size;
	unsigned long page;
	unsigned long pages;
};

static const struct occupied_case ranges_in[] = {
	{ "across the end of a page", PAGE_SIZE - 1, 2, 0, 2 },
	{ "one byte", 0, 1, 0, 1 },
	{ "a page's last byte", PAGE_SIZE - 1, 1, 0, 1 },
	{ "a page", PAGE_SIZE, PAGE_SIZE, 1, 1 },
	{ "a page, off by one", PAGE_SIZE + 1, PAGE_SIZE, 1, 2 },
	{ "all of it", 0, POOL_SIZE, 0, POOL_PAGES },
	{ "the last byte", POOL_SIZE - 1, 1, POOL_PAGES - 1, 1 },
};

KUNIT_ARRAY_PARAM_DESC(range_in, ranges_in, name);

/* R1 */
static void occupied_range_is_whole_pages(struct kunit *test)
{
	const struct occupied_case *range = test->param_value;
	struct fixture *fx = test->priv;
	dma_addr_t addr = HANDLE + range->offset;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_PTR_EQ(test, dma_mark_declared_memory_occupied(fx->dev, addr, range->size),
			    fx->bank[0].mem + range->page * PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, is_occupied(fx->dev, range->page, range->pages));
	expect_sound(test, fx->dev, range->pages);
	KUNIT_EXPECT_EQ(test, dma_unmark_declared_memory_occupied(fx->dev, addr, range->size), 0);
	expect_sound(test, fx->dev, 0);
	KUNIT_EXPECT_EQ(test, frees(fx->dev, DMA_COHERENT_FREE_GOOD), 1);
}

static const struct occupied_case ranges_out[] = {
	{ "empty", 0, 0 },
	{ "one byte too long", PAGE_SIZE, POOL_SIZE - PAGE_SIZE + 1 },
	{ "right behind", POOL_SIZE, 1 },
	{ "right before", -1, 1 },
	{ "from before into it", -1, 2 },
	{ "wrapping", PAGE_SIZE, SIZE_MAX },
	{ "the largest", 0, SIZE_MAX },
};

KUNIT_ARRAY_PARAM_DESC(range_out, ranges_out, name);

static void range_outside_is_refused(struct kunit *test)
{
	const struct occupied_case *range = test->param_value;
	struct fixture *fx = test->priv;
	dma_addr_t addr = HANDLE + range->offset;

	KUNIT_EXPECT_EQ(test, mark_err(NULL, addr, range->size), -EINVAL);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, addr, range->size), -EINVAL);
	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, addr, range->size), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_unmark_declared_memory_occupied(fx->dev, addr, range->size),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->stats.allocs, 0);
	expect_sound(test, fx->dev, 0);
}

static void range_in_use_is_refused(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, mark_err(fx->dev, HANDLE + 8 * PAGE_SIZE, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, HANDLE + 8 * PAGE_SIZE, PAGE_SIZE), -EBUSY);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, HANDLE + 7 * PAGE_SIZE + 1, PAGE_SIZE), -EBUSY);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, HANDLE, POOL_SIZE), -EBUSY);
	vaddr = take(test, fx->dev, 1);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, HANDLE + page_of(fx->dev, vaddr) * PAGE_SIZE, 1),
			-EBUSY);
	expect_sound(test, fx->dev, 2);
}

static void range_is_unmarked_as_it_was_marked(struct kunit *test)
{
	const dma_addr_t addr = HANDLE + 8 * PAGE_SIZE;
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, mark_err(fx->dev, addr, 3 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			dma_unmark_declared_memory_occupied(fx->dev, addr, 2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			dma_unmark_declared_memory_occupied(fx->dev, addr, 3 * PAGE_SIZE + 1));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			dma_unmark_declared_memory_occupied(fx->dev, addr + PAGE_SIZE,
							    2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			dma_unmark_declared_memory_occupied(fx->dev, HANDLE, 8 * PAGE_SIZE));
	expect_sound(test, fx->dev, 3);
	KUNIT_EXPECT_EQ(test, 0,
			dma_unmark_declared_memory_occupied(fx->dev, addr + 1, 3 * PAGE_SIZE - 1));
	expect_sound(test, fx->dev, 0);
}

static void occupied_range_outlives_its_attachment(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	KUNIT_ASSERT_EQ(test, mark_err(fx->dev, HANDLE, PAGE_SIZE), 0);
	dma_release_coherent_memory(fx->dev);
	KUNIT_EXPECT_EQ(test, mark_err(fx->dev, HANDLE + PAGE_SIZE, PAGE_SIZE), -EINVAL);
	expect_sound(test, fx->dev, 1);
	KUNIT_EXPECT_EQ(test, nth_mem(fx->dev, 0)->live, 1);
	KUNIT_EXPECT_EQ(test, dma_unmark_declared_memory_occupied(fx->dev, HANDLE, PAGE_SIZE), 0);
	dma_coherent_reap();
	KUNIT_EXPECT_NULL(test, fx->dev->dma_mem);
}

static void range_is_taken_from_the_innermost_pool(struct kunit *test)
{
	struct bank inner = { .size = 8 * PAGE_SIZE };
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	take(test, fx->dev, 8);
	inner.mem = take(test, fx->dev, 8);
	inner.base = fx->bank[0].base + (inner.mem - region_of(fx->dev)->vaddr);
	stub_mapping(test);
	KUNIT_ASSERT_EQ(test, 0, declare_as(fx->dev, &inner,
					    HANDLE + (inner.mem - region_of(fx->dev)->vaddr), 0));
	KUNIT_EXPECT_EQ(test, 0, mark_err(fx->dev, nth_mem(fx->dev, 1)->view.handle, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, nth_region(fx->dev, 1)->pool.used_pages, 1);
	expect_sound(test, fx->dev, 16);

	/* While it is there, a release goes to it. */
	KUNIT_EXPECT_EQ(test, give(fx->dev, 1, inner.mem), 1);
	dma_coherent_detach(fx->dev, DMA_COHERENT_DECLARED, inner.base);
	dma_coherent_reap();
	KUNIT_EXPECT_EQ(test, give(fx->dev, 8, inner.mem), 1);
	expect_sound(test, fx->dev, 8);
}

/* Managed */

static void managed_region_goes_with_the_driver(struct kunit *test)
{
	struct bank *mine = add_bank(test, 4);
	struct fixture *fx = test->priv;
	void *driver;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, mine), 0);
	driver = devres_open_group(fx->dev, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, driver);
	KUNIT_ASSERT_EQ(test, 0, dmam_declare_coherent_memory(fx->dev, fx->bank[0].base,
							      2 * HANDLE, POOL_SIZE));
	KUNIT_ASSERT_NOT_NULL(test, nth_mem(fx->dev, 1));
	KUNIT_EXPECT_EQ(test, nth_region(fx->dev, 1)->base, fx->bank[0].base);
	KUNIT_EXPECT_EQ(test, nth_mem(fx->dev, 1)->view.handle, 2 * HANDLE);
	devres_release_group(fx->dev, driver);
	dma_coherent_reap();
	KUNIT_EXPECT_EQ(test, region_of(fx->dev)->base, mine->base);
	KUNIT_EXPECT_NULL(test, nth_mem(fx->dev, 1));
}

/* What was there before is not taken back either. */
static void managed_declare_that_fails_leaves_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	phys_addr_t base = fx->bank[0].base;
	void *driver;

	KUNIT_ASSERT_EQ(test, declare(fx->dev, &fx->bank[0]), 0);
	driver = devres_open_group(fx->dev, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, driver);
	KUNIT_EXPECT_EQ(test, dmam_declare_coherent_memory(fx->dev, base, HANDLE, POOL_SIZE),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, dmam_declare_coherent_memory(NULL, base, HANDLE, POOL_SIZE),
			-ENODEV);
	devres_release_group(fx->dev, driver);
	KUNIT_ASSERT_NOT_NULL(test, nth_mem(fx->dev, 0));
	KUNIT_EXPECT_TRUE(test, nth_mem(fx->dev, 0)->attached);
}

/*
 * The model: two devices, two regions, and for each page of a region which
 * buffer it belongs to. What it expects is worked out the slow way.
 */

#define MODEL_BUFFERS	48
#define MODEL_PAGES	200
#define NOBODY		0xff

struct model_case {
	const char *name;
	unsigned long pages[2];
	unsigned long before[2];
	unsigned int seed;
};

static const struct model_case model_cases[] = {
	{ "32 and 5 pages", { 32, 5 }, { 0, 1 }, 1 },
	{ "64 and 65 pages", { 64, 65 }, { 0, 2 }, 2 },
	{ "one page each", { 1, 1 }, { 0, 3 }, 3 },
	{ "200 and 130 pages", { 200, 130 }, { 8, 64 }, 4 },
	{ "bases that promise nothing", { 48, 100 }, { 1, 3 }, 5 },
};

KUNIT_ARRAY_PARAM_DESC(model_case, model_cases, name);

struct model_buffer {
	bool live;
	unsigned int dev;
	unsigned int region;
	unsigned long first;
	unsigned long pages;
};

/**
 * struct model_user - what the model knows of an attachment
 * @place: its place in the device's list, 0 where there is none
 * @attached: it serves
 * @fallback: has DMA_COHERENT_FALLBACK
 * @live: buffers out
 */
struct model_user {
	unsigned int place;
	bool attached;
	bool fallback;
	long live;
};

struct model {
	struct kunit *test;
	struct rnd_state rnd;
	struct device *dev[2];
	struct bank *bank[2];
	unsigned long pages[2];
	unsigned int max_order[2];
	struct model_buffer buffer[MODEL_BUFFERS];
	u8 owner[2][MODEL_PAGES];
	struct model_user user[2][2];
	unsigned int places;
	struct dma_coherent_stats stats[2];
	struct view view;
	struct file *file;
};

static u32 below(struct model *m, u32 limit)
{
	return prandom_u32_state(&m->rnd) % limit;
}

static dma_addr_t model_handle(unsigned int r)
{
	return HANDLE * (r + 1);
}

static struct dma_coherent_mem *model_mem(struct model *m, unsigned int d, unsigned int r)
{
	struct dma_coherent_mem *mem;
	unsigned int n;

	for (n = 0; (mem = nth_mem(m->dev[d], n)); n++)
		if (mem->region->base == m->bank[r]->base)
			return mem;
	return NULL;
}

static unsigned long model_count(struct model *m, unsigned int r, u8 owner)
{
	unsigned long page, count = 0;

	for (page = 0; page < m->pages[r]; page++)
		count += m->owner[r][page] == owner;
	return count;
}

/* How many pages of a region a device reaches. */
static unsigned long model_reach(struct model *m, unsigned int d, unsigned int r)
{
	u64 mask = m->dev[d]->coherent_dma_mask;
	unsigned long page;

	for (page = 0; page < m->pages[r]; page++)
		if (mask && model_handle(r) + PFN_PHYS(page + 1) - 1 > mask)
			break;
	return page;
}

/* Up to where it is served: everywhere, where it reaches nothing. */
static unsigned long model_limit(struct model *m, unsigned int d, unsigned int r)
{
	return model_reach(m, d, r) ?: m->pages[r];
}

static unsigned long model_align(struct model *m, unsigned int r, unsigned long pages)
{
	return BIT(min_t(unsigned int, order_base_2(pages), m->max_order[r]));
}

static bool model_fits(struct model *m, unsigned int r, unsigned long pages,
		       unsigned long limit)
{
	unsigned long first, page;

	if (!pages)
		return false;
	for (first = 0; first + pages <= limit; first += model_align(m, r, pages)) {
		for (page = first; page < first + pages; page++)
			if (m->owner[r][page] != NOBODY)
				break;
		if (page == first + pages)
			return true;
	}
	return false;
}

static enum dma_coherent_refusal model_cause(struct model *m, unsigned int r,
					     unsigned long pages)
{
	if (!pages)
		return DMA_COHERENT_BAD_SIZE;
	if (pages > m->pages[r])
		return DMA_COHERENT_TOO_LARGE;
	if (pages > model_count(m, r, NOBODY))
		return DMA_COHERENT_FULL;
	if (!model_fits(m, r, pages, m->pages[r]))
		return DMA_COHERENT_FRAGMENTED;
	return DMA_COHERENT_OUT_OF_REACH;
}

/*
 * What a request comes to with those regions that the device reaches, or with
 * those that it does not.
 * Return: the region that serves it; 2 if none may, 4 if others may; 3 if nobody
 * is asked.
 */
static unsigned int model_choose_of(struct model *m, unsigned int d,
				    unsigned long pages, bool reachable)
{
	struct model_user *user = m->user[d];
	unsigned int n, r, result = 3;

	for (n = 0; n < 2; n++) {
		r = user[0].place < user[1].place ? n : !n;
		if (!user[r].attached || !model_reach(m, d, r) == reachable)
			continue;
		if (model_fits(m, r, pages, model_limit(m, d, r)))
			return r;
		m->stats[r].refusals[model_cause(m, r, pages)]++;
		if (result == 3)
			result = 4;
		if (!user[r].fallback)
			result = 2;
	}
	return result;
}

/* Return: the region that serves it; 2 if none may; 3 if others may. */
static unsigned int model_choose(struct model *m, unsigned int d, unsigned long pages)
{
	unsigned int result = model_choose_of(m, d, pages, true);

	if (result == 3)
		result = model_choose_of(m, d, pages, false);
	return result == 4 ? 3 : result;
}

static const char *model_enter(struct model *m, unsigned int d, unsigned int r,
			       unsigned int b, unsigned long pages, void *vaddr)
{
	struct model_buffer *buffer = &m->buffer[b];
	unsigned long first = PFN_DOWN(vaddr - m->bank[r]->mem), page, in_use;

	for (page = first; page < first + pages; page++) {
		if (m->owner[r][page] != NOBODY)
			return "a page given out twice";
		m->owner[r][page] = b;
	}
	memset(vaddr, b + 1, pages * PAGE_SIZE);
	*buffer = (struct model_buffer) { true, d, r, first, pages };
	m->user[d][r].live++;
	m->stats[r].allocs++;
	in_use = m->pages[r] - model_count(m, r, NOBODY);
	m->stats[r].high_water = max(m->stats[r].high_water, in_use);
	return NULL;
}

static const char *model_check_got(struct model *m, unsigned int d, unsigned int r,
				   unsigned long pages, void *vaddr)
{
	unsigned long first = PFN_DOWN(vaddr - m->bank[r]->mem);

	if (first >= m->pages[r] || first + pages > model_limit(m, d, r))
		return "a buffer out of reach";
	if (offset_in_page(vaddr) || first % model_align(m, r, pages))
		return "a buffer that is not aligned";
	return memchr_inv(vaddr, 0, pages * PAGE_SIZE) ? "a buffer that is not zeroed" : NULL;
}

static const char *model_alloc(struct model *m)
{
	unsigned int d = below(m, 2), b = below(m, MODEL_BUFFERS), r;
	unsigned long pages = below(m, 8) ? below(m, 6) : below(m, m->pages[below(m, 2)] + 2);
	ssize_t size = pages * PAGE_SIZE - (pages ? below(m, PAGE_SIZE) : 0);
	dma_addr_t handle = 1234;
	void *vaddr = m;
	int ret;

	if (m->buffer[b].live)
		return NULL;
	r = model_choose(m, d, pages);
	ret = dma_alloc_from_coherent(m->dev[d], size, &handle, &vaddr);
	if (r == 3)
		return ret || vaddr != m || handle != 1234 ? "no pool, but an answer" : NULL;
	if (r == 2)
		return !ret || vaddr || handle != DMA_MAPPING_ERROR ?
		       "not refused as it should be" : NULL;
	if (!ret || !vaddr)
		return "refused what fits";
	if (handle != model_handle(r) + (vaddr - m->bank[r]->mem))
		return "handle and address differ";
	return model_check_got(m, d, r, pages, vaddr) ?:
	       model_enter(m, d, r, b, pages, vaddr);
}

/* Any range that begins in a region, whoever reaches it. */
static const char *model_occupy(struct model *m)
{
	unsigned int d = below(m, 2), b = below(m, MODEL_BUFFERS), r = below(m, 2);
	unsigned long at = below(m, m->pages[r] * PAGE_SIZE), page;
	size_t size = 1 + below(m, 4 * PAGE_SIZE);
	unsigned long first = PFN_DOWN(at), behind = PFN_UP(at + size);
	int expected = 0;
	void *vaddr;

	if (m->buffer[b].live)
		return NULL;
	for (page = first; page < behind && page < m->pages[r]; page++)
		if (m->owner[r][page] != NOBODY)
			expected = -EBUSY;
	if (!m->user[d][r].attached || behind > m->pages[r])
		expected = -EINVAL;
	vaddr = dma_mark_declared_memory_occupied(m->dev[d], model_handle(r) + at, size);
	if (PTR_ERR_OR_ZERO(vaddr) != expected)
		return "occupied or not, wrongly";
	if (expected)
		return NULL;
	if (vaddr != m->bank[r]->mem + PFN_PHYS(first))
		return "occupied something else";
	return model_enter(m, d, r, b, behind - first, vaddr);
}

/* A region that nobody has any more is gone, and its counters with it. */
static void model_reap(struct model *m, unsigned int d, unsigned int r)
{
	struct model_user *user = &m->user[d][r];

	dma_coherent_reap();
	if (!user->attached && !user->live)
		user->place = 0;
	if (!m->user[0][r].place && !m->user[1][r].place)
		m->stats[r] = (struct dma_coherent_stats) {};
}

static const char *model_release_one(struct model *m, unsigned int b)
{
	struct model_buffer *buffer = &m->buffer[b];
	unsigned int d = buffer->dev, r = buffer->region;
	int order = order_base_2(buffer->pages) + (below(m, 8) ? 0 : 1 + below(m, 60));
	bool by_range = !below(m, 8);
	unsigned long page;
	dma_addr_t handle;
	void *vaddr;

	if (!buffer->live)
		return NULL;
	vaddr = m->bank[r]->mem + PFN_PHYS(buffer->first);
	if (memchr_inv(vaddr, b + 1, buffer->pages * PAGE_SIZE))
		return "a buffer that somebody else wrote to";
	handle = model_handle(r) + PFN_PHYS(buffer->first);
	if (by_range) {
		order = order_base_2(buffer->pages);
		if (dma_unmark_declared_memory_occupied(m->dev[d], handle,
							buffer->pages * PAGE_SIZE))
			return "a range that was not there";
	} else if (dma_release_from_coherent(m->dev[d], order, vaddr) != 1) {
		return "a release that went to nobody";
	}
	m->stats[r].frees[order != order_base_2(buffer->pages) ?
			  DMA_COHERENT_FREE_WRONG_ORDER : DMA_COHERENT_FREE_GOOD]++;
	for (page = 0; page < buffer->pages; page++)
		m->owner[r][buffer->first + page] = NOBODY;
	buffer->live = false;
	m->user[d][r].live--;
	if (!m->user[d][r].attached)
		model_reap(m, d, r);
	return NULL;
}

static const char *model_release(struct model *m)
{
	return model_release_one(m, below(m, MODEL_BUFFERS));
}

static const char *model_bad_release(struct model *m)
{
	unsigned int d = below(m, 2), r = below(m, 2);
	unsigned long page = below(m, m->pages[r]);
	unsigned int byte = below(m, 2) ? 0 : below(m, PAGE_SIZE);
	u8 b = m->owner[r][page];
	int ret;

	if (b != NOBODY && m->buffer[b].first == page && !byte)
		return NULL;
	ret = dma_release_from_coherent(m->dev[d], below(m, 8),
					m->bank[r]->mem + PFN_PHYS(page) + byte);
	if (ret != !!m->user[d][r].place)
		return "a bad release that went to the wrong one";
	if (ret)
		m->stats[r].frees[b == NOBODY ? DMA_COHERENT_FREE_NOT_LIVE :
						DMA_COHERENT_FREE_INTERIOR]++;
	return dma_release_from_coherent(m->dev[d], 0, m) ?
	       "a foreign address released" : NULL;
}

static const char *model_attach(struct model *m)
{
	unsigned int d = below(m, 2), r = below(m, 2), fallback = below(m, 2);
	struct model_user *user = &m->user[d][r];
	int err, expected = user->attached ? -EBUSY : 0;

	if (expected && below(m, 64))
		return NULL;
	err = declare_as(m->dev[d], m->bank[r], model_handle(r),
			 fallback ? DMA_COHERENT_FALLBACK : 0);
	if (err != expected)
		return "attached or not, wrongly";
	if (err)
		return NULL;
	user->attached = true;
	user->fallback = fallback;
	if (!user->place)
		user->place = ++m->places;
	return NULL;
}

static const char *model_detach(struct model *m)
{
	unsigned int d = below(m, 2), r = below(m, 2);

	if (below(m, 16))
		return NULL;
	dma_coherent_detach(m->dev[d], DMA_COHERENT_DECLARED, m->bank[r]->base);
	m->user[d][r].attached = false;
	model_reap(m, d, r);
	return NULL;
}

static const char *model_set_mask(struct model *m)
{
	unsigned int r = below(m, 2);
	u64 mask = model_handle(r) + below(m, m->pages[r] * PAGE_SIZE);

	if (!below(m, 16))
		m->dev[below(m, 2)]->coherent_dma_mask = below(m, 3) ? U64_MAX :
							 below(m, 3) ? mask : 0;
	return NULL;
}

static bool model_mappable(struct model *m, unsigned int r, unsigned long page,
			   unsigned long pages)
{
	unsigned long first = page + m->view.pgoff, i;
	u8 b = m->owner[r][page];

	if (b == NOBODY || m->view.pgoff + pages > PFN_UP(m->view.size))
		return false;
	for (i = 0; i < pages; i++)
		if (first + i >= m->pages[r] || m->owner[r][first + i] != b)
			return false;
	return true;
}

static const char *model_mmap(struct model *m)
{
	unsigned int d = below(m, 2), r = below(m, 2);
	unsigned long page = below(m, m->pages[r]), pages = 1 + below(m, 3);
	unsigned long addr;
	u8 got = 0;
	bool ok;

	if (!m->user[d][r].place || below(m, 4))
		return NULL;
	m->view = (struct view) {
		.dev = m->dev[d],
		.vaddr = m->bank[r]->mem + PFN_PHYS(page),
		.size = below(m, 5 * PAGE_SIZE),
		.pgoff = below(m, 4),
	};
	ok = model_mappable(m, r, page, pages);
	addr = vm_mmap(m->file, 0, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED, 0);
	if (IS_ERR_VALUE(addr))
		return ok || (long)addr != -ENXIO ? "not mapped" : NULL;
	if (get_user(got, (u8 __user *)(addr + pages * PAGE_SIZE - 1)))
		got = 0;
	vm_munmap(addr, pages * PAGE_SIZE);
	if (!ok)
		return "mapped what is not one buffer";
	return got != m->owner[r][page] + 1 ? "mapped something else" : NULL;
}

static const char *model_compare_pages(struct model *m, unsigned int r,
				       struct dma_coherent_region *region)
{
	struct dma_coherent_run run;
	unsigned long page, i;

	for (page = 0; dma_coherent_run_at(region, page, &run); page += run.pages) {
		bool is_free = m->owner[r][page] == NOBODY;

		if (run.first != page || run.used == is_free)
			return "used and free differ";
		for (i = 1; i < run.pages; i++)
			if (m->owner[r][page + i] != m->owner[r][page])
				return "a run is too long";
		if (page + run.pages < m->pages[r] &&
		    m->owner[r][page + run.pages] == m->owner[r][page])
			return "a run is too short";
	}
	return page == m->pages[r] ? NULL : "the number of pages differs";
}

static const char *model_compare(struct model *m)
{
	const char *fault;
	unsigned int n;

	for (n = 0; n < 4; n++) {
		struct model_user *user = &m->user[n / 2][n % 2];
		struct dma_coherent_mem *mem = model_mem(m, n / 2, n % 2);

		if (!mem != !user->place)
			return "an attachment that should not be there, or is not";
		if (!mem)
			continue;
		if (mem->attached != user->attached || mem->live != user->live)
			return "an attachment's state differs";
		if (memcmp(&mem->region->stats, &m->stats[n % 2], sizeof(m->stats[0])))
			return "the counters differ";
		fault = region_fault(mem->region) ?:
			model_compare_pages(m, n % 2, mem->region);
		if (fault)
			return fault;
	}
	return NULL;
}

static const char *model_step(struct model *m)
{
	static const char *(*const step[])(struct model *m) = {
		model_alloc, model_alloc, model_alloc, model_alloc, model_alloc,
		model_alloc, model_alloc, model_occupy, model_release, model_release,
		model_release, model_release, model_bad_release, model_attach,
		model_detach, model_set_mask, model_mmap,
	};

	return step[below(m, ARRAY_SIZE(step))](m) ?: model_compare(m);
}

static struct model *model_create(struct kunit *test, const struct model_case *c,
				  unsigned int seed)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct fixture *fx = test->priv;
	struct view view = {};
	unsigned int r;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	prandom_seed_state(&m->rnd, seed);
	memset(m->owner, NOBODY, sizeof(m->owner));
	m->dev[0] = fx->dev;
	m->dev[1] = fx->other;
	for (r = 0; r < 2; r++) {
		m->bank[r] = add_bank_behind(test, c->before[r], c->pages[r]);
		m->pages[r] = c->pages[r];
		m->max_order[r] = min_t(unsigned int, CONFIG_DMA_COHERENT_ALIGN_ORDER,
					__ffs(PHYS_PFN(m->bank[r]->base)));
	}
	m->file = view_open(test, &m->view);
	/* Gives this thread an address space. */
	view_map(test, &view, 1);
	return m;
}

static void random_sequences_match_the_model(struct kunit *test)
{
	const struct model_case *c = test->param_value;
	unsigned int seed = model_seed ?: c->seed, n, b;
	const char *fault = NULL;
	struct model *m;

	m = model_create(test, c, seed);
	for (n = 0; n < model_steps && !fault; n++) {
		fault = model_step(m);
		if (n % 1024 == 0)
			cond_resched();
	}
	for (b = 0; b < MODEL_BUFFERS && !fault; b++)
		fault = model_release_one(m, b) ?: model_compare(m);
	KUNIT_EXPECT_NULL_MSG(test, fault, "seed %u, step %u: %s", seed, n, fault);
}

/*
 * Stress: threads and a timer's interrupt allocate from a shared pool, write to
 * their buffers and look at them again, while a device comes and goes.
 */

#define STRESS_THREADS	4
#define STRESS_SLOTS	4

struct stress_buffer {
	void *vaddr;
	unsigned int pages;
	u32 mark;
};

struct stress {
	struct device *dev;
	struct device *visitor;
	const struct bank *bank;
	bool stop;
	atomic_t faults;
	atomic_t rounds;
	atomic_t irq_rounds;
	struct irq_work irq;
	atomic_t irq_busy;
	struct stress_buffer irq_buffer;
};

struct stresser {
	struct stress *stress;
	struct completion done;
	unsigned int number;
};

static bool stress_marks_hold(const struct stress_buffer *buffer)
{
	unsigned int i;

	for (i = 0; i < buffer->pages; i++)
		if (*(u32 *)(buffer->vaddr + i * PAGE_SIZE) != buffer->mark ||
		    *(u32 *)(buffer->vaddr + (i + 1) * PAGE_SIZE - 4) != buffer->mark)
			return false;
	return true;
}

static void stress_mark(struct stress_buffer *buffer, u32 mark)
{
	unsigned int i;

	buffer->mark = mark;
	for (i = 0; i < buffer->pages; i++) {
		*(u32 *)(buffer->vaddr + i * PAGE_SIZE) = mark;
		*(u32 *)(buffer->vaddr + (i + 1) * PAGE_SIZE - 4) = mark;
	}
}

/* Take a buffer, or give it back. */
static void stress_toggle(struct stress *stress, struct device *dev,
			  struct stress_buffer *buffer, unsigned int pages, u32 mark)
{
	dma_addr_t handle;

	if (!buffer->vaddr) {
		buffer->pages = pages;
		if (!dma_alloc_from_coherent(dev, pages * PAGE_SIZE, &handle,
					     &buffer->vaddr))
			buffer->vaddr = NULL;
		if (!buffer->vaddr)
			return;
		if (memchr_inv(buffer->vaddr, 0, pages * PAGE_SIZE))
			atomic_inc(&stress->faults);
		stress_mark(buffer, mark);
		return;
	}
	if (!stress_marks_hold(buffer) || give(dev, buffer->pages, buffer->vaddr) != 1)
		atomic_inc(&stress->faults);
	buffer->vaddr = NULL;
}

static void stress_irq(struct irq_work *irq)
{
	struct stress *stress = container_of(irq, struct stress, irq);
	unsigned int n = atomic_inc_return(&stress->irq_rounds);

	/* While it runs here, another processor may queue and run it, too. */
	if (atomic_xchg(&stress->irq_busy, 1))
		return;
	stress_toggle(stress, stress->dev, &stress->irq_buffer, 1 + n % 3, ~n);
	atomic_set(&stress->irq_busy, 0);
}

static int stress_alloc_thread(void *data)
{
	struct stresser *me = data;
	struct stress *stress = me->stress;
	struct stress_buffer buffer[STRESS_SLOTS] = {};
	struct rnd_state rnd;
	unsigned int i;
	u32 word;

	prandom_seed_state(&rnd, 0x57e55 + me->number);
	while (!READ_ONCE(stress->stop)) {
		word = prandom_u32_state(&rnd);
		stress_toggle(stress, stress->dev, &buffer[word % STRESS_SLOTS],
			      1 + word / 16 % 6, (word & ~7) | me->number);
		if (word % 64 == 0)
			irq_work_queue(&stress->irq);
		atomic_inc(&stress->rounds);
		cond_resched();
	}
	for (i = 0; i < STRESS_SLOTS; i++)
		if (buffer[i].vaddr)
			stress_toggle(stress, stress->dev, &buffer[i], 0, 0);
	complete(&me->done);
	return 0;
}

/* A device comes to the pool, allocates, and goes, now and then too early. */
static int stress_visit_thread(void *data)
{
	struct stresser *me = data;
	struct stress *stress = me->stress;
	struct stress_buffer buffer = {};
	unsigned int n;

	for (n = 0; !READ_ONCE(stress->stop); n++) {
		if (attach(stress->visitor, stress->bank))
			atomic_inc(&stress->faults);
		stress_toggle(stress, stress->visitor, &buffer, 2, n);
		if (n % 1024 && buffer.vaddr)
			stress_toggle(stress, stress->visitor, &buffer, 0, 0);
		dma_coherent_detach(stress->visitor, DMA_COHERENT_FIRMWARE,
				    stress->bank->base);
		if (buffer.vaddr)
			stress_toggle(stress, stress->visitor, &buffer, 0, 0);
		atomic_inc(&stress->rounds);
		cond_resched();
	}
	complete(&me->done);
	return 0;
}

static void stress_run(struct stress *stress)
{
	struct stresser who[STRESS_THREADS + 1];
	unsigned int i;

	for (i = 0; i <= STRESS_THREADS; i++) {
		who[i] = (struct stresser) { .stress = stress, .number = i };
		init_completion(&who[i].done);
		if (!IS_ERR(kthread_run(i ? stress_alloc_thread : stress_visit_thread,
					&who[i], "stress/%u", i)))
			continue;
		atomic_inc(&stress->faults);
		complete(&who[i].done);
	}
	msleep(stress_seconds ? stress_seconds * 1000 : 200);
	WRITE_ONCE(stress->stop, true);
	for (i = 0; i <= STRESS_THREADS; i++)
		wait_for_completion(&who[i].done);
	irq_work_sync(&stress->irq);
	if (stress->irq_buffer.vaddr)
		stress_toggle(stress, stress->dev, &stress->irq_buffer, 0, 0);
}

static void threads_and_interrupts_share_a_pool(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct stress stress = {
		.dev = fx->dev,
		.visitor = fx->other,
		.bank = &fx->bank[0],
		.irq = IRQ_WORK_INIT_HARD(stress_irq),
	};
	struct dma_coherent_stats *stats;

	KUNIT_ASSERT_EQ(test, attach(fx->dev, &fx->bank[0]), 0);
	stress_run(&stress);
	dma_coherent_reap();
	stats = &region_of(fx->dev)->stats;
	kunit_info(test, "%d rounds, %d in interrupts, %lu buffers\n",
		   atomic_read(&stress.rounds), atomic_read(&stress.irq_rounds),
		   stats->allocs);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress.faults), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&stress.rounds), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&stress.irq_rounds), 0);
	expect_sound(test, fx->dev, 0);
	KUNIT_EXPECT_NULL(test, fx->other->dma_mem);
	KUNIT_EXPECT_EQ(test, stats->frees[DMA_COHERENT_FREE_GOOD], stats->allocs);
	KUNIT_EXPECT_EQ(test, stats->frees[DMA_COHERENT_FREE_WRONG_ORDER], 0);
	KUNIT_EXPECT_EQ(test, stats->frees[DMA_COHERENT_FREE_INTERIOR], 0);
	KUNIT_EXPECT_EQ(test, stats->frees[DMA_COHERENT_FREE_NOT_LIVE], 0);
}

static struct kunit_case dma_coherent_cases[] = {
	KUNIT_CASE_PARAM(alloc_takes_exact_pages, good_size_gen_params),
	KUNIT_CASE_PARAM(alloc_refuses_bad_sizes, bad_size_gen_params),
	KUNIT_CASE_PARAM(alloc_refuses_more_than_the_pool, large_size_gen_params),
	KUNIT_CASE(whole_pool_fits_an_empty_pool),
	KUNIT_CASE(whole_pool_fits_at_a_badly_aligned_base),
	KUNIT_CASE(buffers_are_aligned_to_their_order),
	KUNIT_CASE(two_128k_then_640k),
	KUNIT_CASE(release_above_4g),
	KUNIT_CASE(alloc_above_4g),
	KUNIT_CASE(alloc_zeroes_the_last_page_to_its_end),
	KUNIT_CASE(zeroing_leaves_interrupts_on),
	KUNIT_CASE(failed_alloc_defines_its_outputs),
	KUNIT_CASE(no_pool_leaves_outputs_alone),
	KUNIT_CASE(null_device_is_no_pool),
	KUNIT_CASE(old_names_are_the_same_hooks),
	KUNIT_CASE(device_without_pool_uses_the_generic_allocator),
	KUNIT_CASE(fallback_goes_on_to_the_generic_allocator),
	KUNIT_CASE(one_exclusive_pool_keeps_from_falling_back),
	KUNIT_CASE(refusals_are_counted_by_cause),
	KUNIT_CASE(alloc_and_release_are_traced),
	KUNIT_CASE(api_traces_alloc_and_free),
	KUNIT_CASE(api_debug_knows_buffers),
	KUNIT_CASE(api_debug_knows_nested_pools),
	KUNIT_CASE(api_debug_reports_a_drivers_leak),
	KUNIT_CASE(frees_work_in_every_order),
	KUNIT_CASE_PARAM(bad_free_is_refused, bad_free_case_gen_params),
	KUNIT_CASE_PARAM(wrong_order_frees_the_true_length, wrong_order_gen_params),
	KUNIT_CASE(order_is_that_of_the_size),
	KUNIT_CASE(foreign_address_is_not_released),
	KUNIT_CASE(generic_code_never_gets_a_bad_free),
	KUNIT_CASE(mmap_shows_the_same_memory),
	KUNIT_CASE_PARAM(mmap_stays_inside_one_live_buffer, mmap_case_gen_params),
	KUNIT_CASE(mmap_of_an_address_inside_a_page_is_refused),
	KUNIT_CASE(mmap_after_free_is_refused),
	KUNIT_CASE(mmap_of_foreign_addresses_is_left_alone),
	KUNIT_CASE(mmap_has_the_attributes_of_the_kernels_mapping),
	KUNIT_CASE(no_device_is_not_coherent),
	KUNIT_CASE_PARAM(mapping_has_its_attributes, mapping_case_gen_params),
	KUNIT_CASE(sgtable_is_the_buffer),
	KUNIT_CASE(sgtable_that_cannot_be_allocated),
	KUNIT_CASE(sgtable_above_4g),
	KUNIT_CASE(memory_without_struct_pages_has_no_sgtable),
	KUNIT_CASE(pool_knows_physical_addresses),
	KUNIT_CASE(occupied_range_is_a_buffer),
	KUNIT_CASE_PARAM(occupied_range_is_whole_pages, range_in_gen_params),
	KUNIT_CASE_PARAM(range_outside_is_refused, range_out_gen_params),
	KUNIT_CASE(range_in_use_is_refused),
	KUNIT_CASE(range_is_unmarked_as_it_was_marked),
	KUNIT_CASE(occupied_range_outlives_its_attachment),
	KUNIT_CASE(range_is_taken_from_the_innermost_pool),
	KUNIT_CASE(managed_region_goes_with_the_driver),
	KUNIT_CASE(managed_declare_that_fails_leaves_nothing),
	KUNIT_CASE_PARAM(declare_refuses_a_bad_region, bad_region_gen_params),
	KUNIT_CASE_PARAM(region_is_cut_down_to_whole_pages, shrink_case_gen_params),
	KUNIT_CASE(device_needs_no_name_and_no_mask),
	KUNIT_CASE(same_region_twice_is_busy),
	KUNIT_CASE(declare_release_declare_again),
	KUNIT_CASE(region_keeps_no_pointer_to_its_description),
	KUNIT_CASE(release_leaves_firmware_regions),
	KUNIT_CASE(detach_finds_its_region_only),
	KUNIT_CASE(mapping_that_fails_leaves_nothing),
	KUNIT_CASE_PARAM(each_allocation_of_declare_may_fail, failing_case_gen_params),
	KUNIT_CASE(each_allocation_of_sharing_may_fail),
	KUNIT_CASE(two_devices_share_a_region),
	KUNIT_CASE(one_detaches_while_the_other_goes_on),
	KUNIT_CASE(one_detaches_from_an_unused_region),
	KUNIT_CASE(sources_share_a_region),
	KUNIT_CASE(overlapping_region_is_busy),
	KUNIT_CASE(sizes_are_kept_apart),
	KUNIT_CASE(second_region_serves_when_the_first_is_full),
	KUNIT_CASE(pools_may_nest),
	KUNIT_CASE(whole_pool_may_nest),
	KUNIT_CASE(release_goes_to_the_innermost_pool),
	KUNIT_CASE(two_devices_probe_at_once),
	KUNIT_CASE(detached_with_buffers_out),
	KUNIT_CASE(attaching_again_revives),
	KUNIT_CASE(released_after_detach_then_attached_again),
	KUNIT_CASE(revival_takes_the_new_handle_and_flags),
	KUNIT_CASE(device_dies_with_buffers_out),
	KUNIT_CASE(device_dies_detached_with_buffers_out),
	KUNIT_CASE(device_dies_with_nothing_out),
	KUNIT_CASE_PARAM(alloc_and_release_in_any_context, context_gen_params),
	KUNIT_CASE_PARAM(last_release_in_any_context, context_gen_params),
	KUNIT_CASE_PARAM(buffers_are_within_reach, reach_case_gen_params),
	KUNIT_CASE(regions_in_reach_come_first),
	KUNIT_CASE(mask_counts_when_it_is_asked_for),
	KUNIT_CASE(each_device_has_its_own_reach),
	KUNIT_CASE_PARAM(handles_follow_dma_ranges, range_case_gen_params),
	KUNIT_CASE(mask_is_compared_with_the_translated_address),
	KUNIT_CASE(ram_of_a_coherent_device_is_cached),
	KUNIT_CASE(other_memory_is_write_combined),
	KUNIT_CASE(cached_region_refuses_a_device_that_is_not_coherent),
	KUNIT_CASE(global_init_that_fails_leaves_nothing),
	KUNIT_CASE(global_pool_shares_a_devices_region),
	KUNIT_CASE(second_global_pool_is_busy),
	KUNIT_CASE(global_pool_serves),
	KUNIT_CASE(global_pool_refuses_bad_sizes),
	KUNIT_CASE(global_pool_obeys_each_devices_reach),
	KUNIT_CASE(global_pool_out_of_reach_serves),
	KUNIT_CASE(global_pool_maps),
	KUNIT_CASE_PARAM(random_sequences_match_the_model, model_case_gen_params),
	KUNIT_CASE_SLOW(threads_and_interrupts_share_a_pool),
	{}
};

static struct kunit_suite dma_coherent_suite = {
	.name = "dma_coherent",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_cases,
};

kunit_test_suite(dma_coherent_suite);

MODULE_DESCRIPTION("KUnit tests for per-device coherent memory");
MODULE_LICENSE("GPL");
