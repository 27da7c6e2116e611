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
 * Fn names the fault in the table in tools/testing/dma-coherent/README.md, which
 * also has those that can't be seen from here.
 */

#include <kunit/device.h>
#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/of_reserved_mem.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../dma-coherent.h"
#include "dma-coherent-faults.h"

#define POOL_PAGES	8
#define POOL_SIZE	(POOL_PAGES * PAGE_SIZE)
#define HANDLE		((dma_addr_t)0x40000000)
#define OTHER_HANDLE	((dma_addr_t)0x50000000)
#define DIRT		0xa5

/**
 * struct fixture - what each check starts with
 * @test: the test
 * @impl: what it looks at
 * @dev: a device without memory of its own
 * @other: another one
 * @mem: memory for one pool and a page more
 * @spare: memory for another
 * @rmem: @mem as the device tree has it
 * @probe_meanwhile: have @other probe while @dev's memory is mapped
 * @prober: the thread that does
 * @go: tells it to
 * @done: it has probed
 * @err: what it came to
 */
struct fixture {
	struct kunit *test;
	const struct implementation *impl;
	struct device *dev;
	struct device *other;
	void *mem;
	void *spare;
	struct reserved_mem rmem;
	bool probe_meanwhile;
	struct task_struct *prober;
	struct completion go;
	struct completion done;
	int err;
};

/* Until @other has probed, or sleeps until @dev has. */
static void let_other_probe(struct fixture *fx)
{
	complete(&fx->go);
	while (!completion_done(&fx->done) &&
	       READ_ONCE(fx->prober->__state) != TASK_UNINTERRUPTIBLE)
		schedule_timeout_uninterruptible(1);
}

void *dma_coherent_faults_map(phys_addr_t base, size_t size, const char **why)
{
	struct fixture *fx = kunit_get_current_test()->priv;

	if (fx->probe_meanwhile) {
		fx->probe_meanwhile = false;
		let_other_probe(fx);
	}
	return phys_to_virt(base);
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
	struct dma_coherent_mem *mem = READ_ONCE(dev->dma_mem);

	return !IS_ENABLED(CONFIG_DMA_COHERENT_POOL_KUNIT_TEST) ||
	       !dma_coherent_pool_fault(&mem->region->pool);
}

/* The pool knows how long what starts at a page is. */
static void our_forget(struct device *dev, struct device *other)
{
	struct fixture *fx = kunit_get_current_test()->priv;
	unsigned long offset;

	for (offset = 0; offset < POOL_SIZE; offset += PAGE_SIZE) {
		dma_release_from_coherent(dev, 0, fx->mem + offset);
		dma_release_from_coherent(dev, 0, fx->spare + offset);
		dma_release_from_coherent(other, 0, fx->mem + offset);
	}
	dma_coherent_device_release(dev);
	dma_coherent_device_release(other);
	dma_coherent_reap();
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
	.forget = our_forget,
};

/* Short ways to an implementation */

static void declare(struct fixture *fx)
{
	KUNIT_ASSERT_EQ(fx->test, fx->impl->declare(fx->dev, virt_to_phys(fx->mem), HANDLE,
						    POOL_SIZE), 0);
}

/* Return: NULL where there is no room. */
static void *try_to_take(struct fixture *fx, struct device *dev, size_t size)
{
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(fx->test, fx->impl->alloc(dev, size, &handle, &vaddr), 1);
	return vaddr;
}

static void *take(struct fixture *fx, unsigned long pages)
{
	void *vaddr = try_to_take(fx, fx->dev, pages * PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(fx->test, vaddr);
	return vaddr;
}

/* Take all that is left. Return: how many pages. */
static unsigned long take_rest(struct fixture *fx)
{
	unsigned long pages = 0;

	while (pages <= POOL_PAGES && try_to_take(fx, fx->dev, PAGE_SIZE))
		pages++;
	return pages;
}

static void give(struct fixture *fx, int order, void *vaddr)
{
	KUNIT_ASSERT_EQ(fx->test, fx->impl->free(fx->dev, order, vaddr), 1);
}

/* Mmap */

struct view {
	const struct fixture *fx;
	void *vaddr;
};

static int view_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct view *view = file->private_data;
	int ret = -ENODEV;

	view->fx->impl->mmap(view->fx->dev, vma, view->vaddr, PAGE_SIZE, &ret);
	return ret;
}

static const struct file_operations view_fops = {
	.owner = THIS_MODULE,
	.mmap = view_mmap,
};

/* Return: the user address of a page, or an errno as IS_ERR_VALUE() has it. */
static unsigned long map_page(struct fixture *fx, void *vaddr)
{
	struct view *view = kunit_kzalloc(fx->test, sizeof(*view), GFP_KERNEL);
	unsigned long addr;
	struct file *file;

	KUNIT_ASSERT_NOT_NULL(fx->test, view);
	view->fx = fx;
	view->vaddr = vaddr;
	file = anon_inode_getfile("dma-coherent-faults", &view_fops, view, O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(fx->test, file);
	addr = kunit_vm_mmap(fx->test, file, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_SHARED, 0);
	fput(file);
	return addr;
}

/* The checks. Return: the fault is not there. */

static bool tail_of_the_last_page_is_zeroed(struct fixture *fx)
{
	void *vaddr;

	declare(fx);
	vaddr = try_to_take(fx, fx->dev, PAGE_SIZE + 100);
	KUNIT_ASSERT_NOT_NULL(fx->test, vaddr);
	KUNIT_ASSERT_NULL(fx->test, memchr_inv(vaddr, 0, PAGE_SIZE + 100));
	return !memchr_inv(vaddr, 0, 2 * PAGE_SIZE);
}

/* Where the pair was, the second page has an owner by now, the first has none. */
static bool double_free_spares_the_next_owner(struct fixture *fx)
{
	void *pair, *a, *b;

	declare(fx);
	pair = take(fx, 2);
	take_rest(fx);
	give(fx, 1, pair);
	a = take(fx, 1);
	b = take(fx, 1);
	KUNIT_ASSERT_PTR_EQ(fx->test, min(a, b), pair);
	give(fx, 0, pair);
	give(fx, 1, pair);
	return take_rest(fx) == 1;
}

static bool free_inside_a_buffer_is_refused(struct fixture *fx)
{
	void *vaddr;

	declare(fx);
	vaddr = take(fx, 4);
	take_rest(fx);
	give(fx, 0, vaddr + PAGE_SIZE);
	return take_rest(fx) == 0;
}

static bool order_too_large_spares_the_neighbours(struct fixture *fx)
{
	declare(fx);
	KUNIT_ASSERT_EQ(fx->test, take_rest(fx), POOL_PAGES);
	give(fx, 2, fx->mem);
	return take_rest(fx) == 1;
}

static bool order_too_small_frees_all(struct fixture *fx)
{
	void *vaddr;

	declare(fx);
	vaddr = take(fx, 4);
	take_rest(fx);
	give(fx, 0, vaddr);
	return take_rest(fx) == 4;
}

static bool order_past_the_end_stays_in_the_pool(struct fixture *fx)
{
	declare(fx);
	KUNIT_ASSERT_EQ(fx->test, take_rest(fx), POOL_PAGES);
	fx->impl->mark_behind(fx->dev);
	give(fx, 2, fx->mem + POOL_SIZE - PAGE_SIZE);
	KUNIT_ASSERT_EQ(fx->test, take_rest(fx), 1);
	return fx->impl->mark_is_there(fx->dev);
}

static bool free_page_is_not_mapped(struct fixture *fx)
{
	unsigned long addr;

	declare(fx);
	KUNIT_ASSERT_FALSE(fx->test, IS_ERR_VALUE(map_page(fx, take(fx, 1))));
	addr = map_page(fx, fx->mem + POOL_SIZE - PAGE_SIZE);
	return (long)addr == -ENXIO;
}

static bool size_zero_is_refused(struct fixture *fx)
{
	declare(fx);
	return !try_to_take(fx, fx->dev, 0);
}

static bool failure_sets_the_handle(struct fixture *fx)
{
	dma_addr_t handle = 1234;
	void *vaddr = fx;

	declare(fx);
	take_rest(fx);
	KUNIT_ASSERT_EQ(fx->test, fx->impl->alloc(fx->dev, PAGE_SIZE, &handle, &vaddr), 1);
	KUNIT_ASSERT_NULL(fx->test, vaddr);
	return handle == DMA_MAPPING_ERROR;
}

static int probe_other(void *data)
{
	struct fixture *fx = data;

	/* For the stub. */
	current->kunit_test = fx->test;
	wait_for_completion(&fx->go);
	fx->err = fx->impl->probe(&fx->rmem, fx->other);
	complete_all(&fx->done);
	return 0;
}

/* One pool, and so what the one has taken, the other does not get. */
static bool probes_at_once_share_a_pool(struct fixture *fx)
{
	int err;

	fx->prober = kthread_run(probe_other, fx, "probe-other");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(fx->test, fx->prober);
	get_task_struct(fx->prober);
	fx->probe_meanwhile = true;
	err = fx->impl->probe(&fx->rmem, fx->dev);
	complete(&fx->go);
	wait_for_completion(&fx->done);
	put_task_struct(fx->prober);
	KUNIT_ASSERT_EQ(fx->test, err, 0);
	KUNIT_ASSERT_EQ(fx->test, fx->err, 0);
	take(fx, POOL_PAGES);
	return !try_to_take(fx, fx->other, PAGE_SIZE);
}

/* Where it is not known any more, the generic code takes it for its own. */
static bool release_remembers_buffers_that_are_out(struct fixture *fx)
{
	void *vaddr;

	declare(fx);
	vaddr = take(fx, 1);
	fx->impl->release(fx->dev);
	return fx->impl->free(fx->dev, 0, vaddr) == 1;
}

static bool region_without_a_whole_page_is_refused(struct fixture *fx)
{
	return fx->impl->declare(fx->dev, virt_to_phys(fx->mem), HANDLE, PAGE_SIZE - 1);
}

/* The kernel and user space see the same bytes. */
static bool region_with_an_odd_base_has_whole_pages(struct fixture *fx)
{
	unsigned long addr;
	u32 word = 0;
	void *vaddr;

	KUNIT_ASSERT_EQ(fx->test, fx->impl->declare(fx->dev, virt_to_phys(fx->mem) + 128,
						    HANDLE + 128, POOL_SIZE), 0);
	vaddr = take(fx, 1);
	*(u32 *)vaddr = 0xcafe;
	addr = map_page(fx, vaddr);
	KUNIT_ASSERT_FALSE(fx->test, IS_ERR_VALUE(addr));
	KUNIT_ASSERT_EQ(fx->test, get_user(word, (u32 __user *)addr), 0);
	return word == 0xcafe;
}

static bool buffers_are_within_the_mask(struct fixture *fx)
{
	fx->dev->coherent_dma_mask = HANDLE + POOL_SIZE / 2 - 1;
	declare(fx);
	return take_rest(fx) == POOL_PAGES / 2;
}

static bool second_region_adds_a_pool(struct fixture *fx)
{
	declare(fx);
	KUNIT_ASSERT_EQ(fx->test, take_rest(fx), POOL_PAGES);
	return !fx->impl->declare(fx->dev, virt_to_phys(fx->spare), OTHER_HANDLE,
				  POOL_SIZE) && take_rest(fx) == POOL_PAGES;
}

/* The suites */

struct fault {
	const char *name;
	bool (*is_absent)(struct fixture *fx);
};

static const struct fault faults[] = {
	{ "F1 tail of the last page is zeroed", tail_of_the_last_page_is_zeroed },
	{ "F2 double free spares the next owner", double_free_spares_the_next_owner },
	{ "F2 free inside a buffer is refused", free_inside_a_buffer_is_refused },
	{ "F2 order too large spares the neighbours", order_too_large_spares_the_neighbours },
	{ "F2 order too small frees all", order_too_small_frees_all },
	{ "F2 order past the end stays in the pool", order_past_the_end_stays_in_the_pool },
	{ "F3 free page is not mapped", free_page_is_not_mapped },
	{ "F4 size zero is refused", size_zero_is_refused },
	{ "F5 failure sets the handle", failure_sets_the_handle },
	{ "F7 probes at once share a pool", probes_at_once_share_a_pool },
	{ "F8 release remembers buffers that are out", release_remembers_buffers_that_are_out },
	{ "F9 region without a whole page is refused", region_without_a_whole_page_is_refused },
	{ "F9 region with an odd base has whole pages", region_with_an_odd_base_has_whole_pages },
	{ "F10 buffers are within the mask", buffers_are_within_the_mask },
	{ "F12 second region adds a pool", second_region_adds_a_pool },
};

KUNIT_ARRAY_PARAM_DESC(fault, faults, name);

static void ours_passes(struct kunit *test)
{
	const struct fault *fault = test->param_value;

	KUNIT_EXPECT_TRUE(test, fault->is_absent(test->priv));
}

static void mainline_fails(struct kunit *test)
{
	const struct fault *fault = test->param_value;

	if (fault->is_absent == size_zero_is_refused && !IS_ENABLED(CONFIG_64BIT))
		kunit_skip(test, "refused with 32 bits");
	KUNIT_EXPECT_FALSE(test, fault->is_absent(test->priv));
}

static void free_memory(void *mem)
{
	free_pages_exact(mem, POOL_SIZE + PAGE_SIZE);
}

static void *alloc_memory(struct kunit *test)
{
	void *mem = alloc_pages_exact(POOL_SIZE + PAGE_SIZE, GFP_KERNEL);

	if (!mem || kunit_add_action_or_reset(test, free_memory, mem))
		return NULL;
	return memset(mem, DIRT, POOL_SIZE + PAGE_SIZE);
}

static int fixture_init(struct kunit *test, const struct implementation *impl)
{
	struct fixture *fx = kunit_kzalloc(test, sizeof(*fx), GFP_KERNEL);

	if (!fx)
		return -ENOMEM;
	fx->test = test;
	fx->impl = impl;
	fx->mem = alloc_memory(test);
	fx->spare = alloc_memory(test);
	fx->dev = kunit_device_register(test, "dev");
	fx->other = kunit_device_register(test, "other");
	if (!fx->mem || !fx->spare || IS_ERR(fx->dev) || IS_ERR(fx->other))
		return -ENOMEM;
	fx->rmem.name = "faults";
	fx->rmem.base = virt_to_phys(fx->mem);
	fx->rmem.size = POOL_SIZE;
	init_completion(&fx->go);
	init_completion(&fx->done);
	kunit_activate_static_stub(test, dma_coherent_map, dma_coherent_faults_map);
	test->priv = fx;
	return 0;
}

static void fixture_exit(struct kunit *test)
{
	struct fixture *fx = test->priv;

	if (fx)
		fx->impl->forget(fx->dev, fx->other);
}

static int our_init(struct kunit *test)
{
	return fixture_init(test, &ours);
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
	return fixture_init(test, mainline);
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
	.exit = fixture_exit,
	.test_cases = mainline_cases,
};

kunit_test_suites(&our_suite, &mainline_suite);

MODULE_DESCRIPTION("KUnit tests for the faults of what per-device coherent memory replaces");
MODULE_LICENSE("GPL");
