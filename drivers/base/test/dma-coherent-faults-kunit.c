// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for the faults of what per-device coherent memory replaces
 *
 * For each fault, a check says whether an implementation is right. One suite
 * has them look at ours, which is to be right each time. The other has them look
 * at kernel/dma/coherent.c, in a tree that still has it, which is to be wrong each
 * time: that shows that the checks can fail. So what leads up to a fault is asserted, and
 * only the fault itself is a check's answer.
 *
 * The table in tools/testing/dma-coherent/README.md says more of each fault, and has
 * those that can't be seen from here, too.
 */

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/of_reserved_mem.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../dma-coherent.h"
#include "dma-coherent-faults.h"
#include "dma-coherent-fixture.h"
#include "dma-coherent-pool-fault.h"

/* Fewer than a word has bits: order_past_the_end_stays_in_the_pool() needs some. */
#define PAGES		8
#define SIZE		(PAGES * PAGE_SIZE)
#define OTHER_HANDLE	((dma_addr_t)0x50000000)

/**
 * struct trial - what a check has besides the fixture
 * @test: the test
 * @impl: what it looks at
 * @dev: a device without memory of its own
 * @other: another one
 * @mem: memory for one pool and a page more
 * @spare: memory for another
 * @rmem: @mem as the device tree has it
 * @prober: the thread that has @other probe while @dev's memory is mapped
 * @go: tells it to
 * @done: it has probed
 * @err: what it came to
 */
struct trial {
	struct kunit *test;
	const struct implementation *impl;
	struct device *dev;
	struct device *other;
	void *mem;
	void *spare;
	struct reserved_mem rmem;
	struct task_struct *prober;
	struct completion go;
	struct completion done;
	int err;
};

static struct trial *trial_of(struct kunit *test)
{
	struct fixture *fx = test->priv;

	return fx->priv;
}

/* Until @other has probed, or sleeps until @dev has. */
static void let_other_probe(struct kunit *test)
{
	struct trial *trial = trial_of(test);

	complete(&trial->go);
	while (!completion_done(&trial->done) &&
	       READ_ONCE(trial->prober->__state) != TASK_UNINTERRUPTIBLE)
		schedule_timeout_uninterruptible(1);
}

/* Ours */

static int our_probe(struct reserved_mem *rmem, struct device *dev)
{
	const struct dma_coherent_spec spec = {
		.name = rmem->name,
		.base = rmem->base,
		.size = rmem->size,
		.source = DMA_COHERENT_FIRMWARE,
	};

	return dma_coherent_attach(dev, &spec);
}

static void our_mark_behind(struct device *dev)
{
}

static bool our_mark_is_there(struct device *dev)
{
	struct dma_coherent_mem *mem = fx_mem(dev, 0);

	return !IS_ENABLED(CONFIG_DMA_COHERENT_POOL_KUNIT_TEST) ||
	       !dma_coherent_pool_fault(&mem->region->pool);
}

static const struct implementation ours = {
	.declare = dma_declare_coherent_memory,
	.release = dma_release_coherent_memory,
	.alloc = dma_alloc_from_coherent,
	.free = dma_release_from_coherent,
	.mmap = dma_mmap_from_coherent,
	.probe = our_probe,
	.mark_behind = our_mark_behind,
	.mark_is_there = our_mark_is_there,
};

/* Short ways to an implementation */

static void declare(struct trial *trial)
{
	KUNIT_ASSERT_EQ(trial->test, trial->impl->declare(trial->dev, virt_to_phys(trial->mem),
							  HANDLE, SIZE), 0);
}

/* Return: NULL where there is no room. */
static void *try_to_alloc(struct trial *trial, struct device *dev, size_t size)
{
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(trial->test, trial->impl->alloc(dev, size, &handle, &vaddr), 1);
	return vaddr;
}

static void *alloc(struct trial *trial, unsigned long pages)
{
	void *vaddr = try_to_alloc(trial, trial->dev, pages * PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(trial->test, vaddr);
	return vaddr;
}

/* Allocate all that is left. Return: how many pages. */
static unsigned long alloc_rest(struct trial *trial)
{
	unsigned long pages = 0;

	while (pages <= PAGES && try_to_alloc(trial, trial->dev, PAGE_SIZE))
		pages++;
	return pages;
}

static void free_buffer(struct trial *trial, int order, void *vaddr)
{
	KUNIT_ASSERT_EQ(trial->test, trial->impl->free(trial->dev, order, vaddr), 1);
}

/* Return: the user address of a page, or an errno as IS_ERR_VALUE() has it. */
static unsigned long map_page(struct trial *trial, void *vaddr)
{
	const struct view view = {
		.dev = trial->dev,
		.vaddr = vaddr,
		.size = PAGE_SIZE,
		.mmap = trial->impl->mmap,
	};

	return fx_mmap(trial->test, &view, 1);
}

/* The checks. Return: the fault is not there. */

static bool tail_of_the_last_page_is_zeroed(struct trial *trial)
{
	void *vaddr;

	declare(trial);
	vaddr = try_to_alloc(trial, trial->dev, PAGE_SIZE + 100);
	KUNIT_ASSERT_NOT_NULL(trial->test, vaddr);
	KUNIT_ASSERT_NULL(trial->test, memchr_inv(vaddr, 0, PAGE_SIZE + 100));
	return !memchr_inv(vaddr, 0, 2 * PAGE_SIZE);
}

/* Where the pair was, the second page has an owner by now, the first has none. */
static bool double_free_spares_the_next_owner(struct trial *trial)
{
	void *pair, *a, *b;

	declare(trial);
	pair = alloc(trial, 2);
	alloc_rest(trial);
	free_buffer(trial, 1, pair);
	a = alloc(trial, 1);
	b = alloc(trial, 1);
	KUNIT_ASSERT_PTR_EQ(trial->test, min(a, b), pair);
	free_buffer(trial, 0, pair);
	free_buffer(trial, 1, pair);
	return alloc_rest(trial) == 1;
}

static bool free_inside_a_buffer_is_refused(struct trial *trial)
{
	void *vaddr;

	declare(trial);
	vaddr = alloc(trial, 4);
	alloc_rest(trial);
	free_buffer(trial, 0, vaddr + PAGE_SIZE);
	return alloc_rest(trial) == 0;
}

static bool order_too_large_spares_the_neighbours(struct trial *trial)
{
	declare(trial);
	KUNIT_ASSERT_EQ(trial->test, alloc_rest(trial), PAGES);
	free_buffer(trial, 2, trial->mem);
	return alloc_rest(trial) == 1;
}

static bool order_too_small_frees_all(struct trial *trial)
{
	void *vaddr;

	declare(trial);
	vaddr = alloc(trial, 4);
	alloc_rest(trial);
	free_buffer(trial, 0, vaddr);
	return alloc_rest(trial) == 4;
}

static bool order_past_the_end_stays_in_the_pool(struct trial *trial)
{
	declare(trial);
	KUNIT_ASSERT_EQ(trial->test, alloc_rest(trial), PAGES);
	trial->impl->mark_behind(trial->dev);
	free_buffer(trial, 2, trial->mem + SIZE - PAGE_SIZE);
	KUNIT_ASSERT_EQ(trial->test, alloc_rest(trial), 1);
	return trial->impl->mark_is_there(trial->dev);
}

static bool free_page_is_not_mapped(struct trial *trial)
{
	unsigned long addr;

	declare(trial);
	KUNIT_ASSERT_FALSE(trial->test, IS_ERR_VALUE(map_page(trial, alloc(trial, 1))));
	addr = map_page(trial, trial->mem + SIZE - PAGE_SIZE);
	return (long)addr == -ENXIO;
}

static bool size_zero_is_refused(struct trial *trial)
{
	declare(trial);
	return !try_to_alloc(trial, trial->dev, 0);
}

static bool failure_sets_the_handle(struct trial *trial)
{
	dma_addr_t handle = 1234;
	void *vaddr = trial;

	declare(trial);
	alloc_rest(trial);
	KUNIT_ASSERT_EQ(trial->test, trial->impl->alloc(trial->dev, PAGE_SIZE, &handle, &vaddr), 1);
	KUNIT_ASSERT_NULL(trial->test, vaddr);
	return handle == DMA_MAPPING_ERROR;
}

static int probe_other(void *data)
{
	struct trial *trial = data;

	/* For the stub. */
	current->kunit_test = trial->test;
	wait_for_completion(&trial->go);
	trial->err = trial->impl->probe(&trial->rmem, trial->other);
	complete_all(&trial->done);
	return 0;
}

/* One pool, and so what the one has taken, the other does not get. */
static bool probes_at_once_share_a_pool(struct trial *trial)
{
	int err;

	trial->prober = kthread_run(probe_other, trial, "probe-other");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(trial->test, trial->prober);
	get_task_struct(trial->prober);
	((struct fixture *)trial->test->priv)->while_mapping = let_other_probe;
	err = trial->impl->probe(&trial->rmem, trial->dev);
	complete(&trial->go);
	wait_for_completion(&trial->done);
	put_task_struct(trial->prober);
	KUNIT_ASSERT_EQ(trial->test, err, 0);
	KUNIT_ASSERT_EQ(trial->test, trial->err, 0);
	alloc(trial, PAGES);
	return !try_to_alloc(trial, trial->other, PAGE_SIZE);
}

/* Where it is not known any more, the generic code takes it for its own. */
static bool release_remembers_buffers_that_are_out(struct trial *trial)
{
	void *vaddr;

	declare(trial);
	vaddr = alloc(trial, 1);
	trial->impl->release(trial->dev);
	return trial->impl->free(trial->dev, 0, vaddr) == 1;
}

static bool region_without_a_whole_page_is_refused(struct trial *trial)
{
	return trial->impl->declare(trial->dev, virt_to_phys(trial->mem), HANDLE, PAGE_SIZE - 1);
}

/* The kernel and user space see the same bytes. */
static bool region_with_an_odd_base_has_whole_pages(struct trial *trial)
{
	unsigned long addr;
	u32 word = 0;
	void *vaddr;

	KUNIT_ASSERT_EQ(trial->test, trial->impl->declare(trial->dev,
							  virt_to_phys(trial->mem) + 128,
							  HANDLE + 128, SIZE), 0);
	vaddr = alloc(trial, 1);
	*(u32 *)vaddr = 0xcafe;
	addr = map_page(trial, vaddr);
	KUNIT_ASSERT_FALSE(trial->test, IS_ERR_VALUE(addr));
	KUNIT_ASSERT_EQ(trial->test, get_user(word, (u32 __user *)addr), 0);
	return word == 0xcafe;
}

static bool buffers_are_within_the_mask(struct trial *trial)
{
	trial->dev->coherent_dma_mask = HANDLE + SIZE / 2 - 1;
	declare(trial);
	return alloc_rest(trial) == PAGES / 2;
}

static bool second_region_adds_a_pool(struct trial *trial)
{
	declare(trial);
	KUNIT_ASSERT_EQ(trial->test, alloc_rest(trial), PAGES);
	return !trial->impl->declare(trial->dev, virt_to_phys(trial->spare), OTHER_HANDLE, SIZE) &&
	       alloc_rest(trial) == PAGES;
}

/* The suites */

struct fault {
	const char *name;
	bool (*is_absent)(struct trial *trial);
};

static const struct fault faults[] = {
	{ "tail of the last page is zeroed", tail_of_the_last_page_is_zeroed },
	{ "double free spares the next owner", double_free_spares_the_next_owner },
	{ "free inside a buffer is refused", free_inside_a_buffer_is_refused },
	{ "order too large spares the neighbours", order_too_large_spares_the_neighbours },
	{ "order too small frees all", order_too_small_frees_all },
	{ "order past the end stays in the pool", order_past_the_end_stays_in_the_pool },
	{ "free page is not mapped", free_page_is_not_mapped },
	{ "size zero is refused", size_zero_is_refused },
	{ "failure sets the handle", failure_sets_the_handle },
	{ "probes at once share a pool", probes_at_once_share_a_pool },
	{ "release remembers buffers that are out", release_remembers_buffers_that_are_out },
	{ "region without a whole page is refused", region_without_a_whole_page_is_refused },
	{ "region with an odd base has whole pages", region_with_an_odd_base_has_whole_pages },
	{ "buffers are within the mask", buffers_are_within_the_mask },
	{ "second region adds a pool", second_region_adds_a_pool },
};

KUNIT_ARRAY_PARAM_DESC(fault, faults, name);

static void ours_passes(struct kunit *test)
{
	const struct fault *fault = test->param_value;

	KUNIT_EXPECT_TRUE(test, fault->is_absent(trial_of(test)));
}

static void mainline_fails(struct kunit *test)
{
	const struct fault *fault = test->param_value;

	if (fault->is_absent == size_zero_is_refused && !IS_ENABLED(CONFIG_64BIT))
		kunit_skip(test, "refused with 32 bits");
	KUNIT_EXPECT_FALSE(test, fault->is_absent(trial_of(test)));
}

static int faults_init(struct kunit *test, const struct implementation *impl)
{
	struct trial *trial = kunit_kzalloc(test, sizeof(*trial), GFP_KERNEL);
	int err = fixture_init(test);
	struct fixture *fx = test->priv;

	if (err)
		return err;
	KUNIT_ASSERT_NOT_NULL(test, trial);
	fx_stub_mapping(test);
	trial->test = test;
	trial->impl = impl;
	trial->dev = fx->dev;
	trial->other = fx->other;
	trial->mem = fx->bank[0].mem;
	trial->spare = fx_add_bank(test, PAGES)->mem;
	trial->rmem.name = "faults";
	trial->rmem.base = fx->bank[0].base;
	trial->rmem.size = SIZE;
	init_completion(&trial->go);
	init_completion(&trial->done);
	fx->priv = trial;
	return 0;
}

static int our_init(struct kunit *test)
{
	return faults_init(test, &ours);
}

const struct implementation * __weak dma_coherent_faults_mainline(void)
{
	return NULL;
}

static int mainline_init(struct kunit *test)
{
	const struct implementation *mainline = dma_coherent_faults_mainline();

	if (!mainline)
		kunit_skip(test, "this tree has no kernel/dma/coherent.c");
	return faults_init(test, mainline);
}

static void mainline_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct trial *trial = fx ? fx->priv : NULL;

	if (trial)
		trial->impl->forget(fx->dev, fx->other);
	fixture_exit(test);
}

static struct kunit_case our_cases[] = {
	KUNIT_CASE_PARAM(ours_passes, fault_gen_params),
	{}
};

static struct kunit_case mainline_cases[] = {
	KUNIT_CASE_PARAM(mainline_fails, fault_gen_params),
	{}
};

static struct kunit_suite our_suite = {
	.name = "dma_coherent_faults",
	.init = our_init,
	.exit = fixture_exit,
	.test_cases = our_cases,
};

static struct kunit_suite mainline_suite = {
	.name = "dma_coherent_mainline_faults",
	.init = mainline_init,
	.exit = mainline_exit,
	.test_cases = mainline_cases,
};

kunit_test_suites(&our_suite, &mainline_suite);

MODULE_DESCRIPTION("KUnit tests for the faults of what per-device coherent memory replaces");
MODULE_LICENSE("GPL");
