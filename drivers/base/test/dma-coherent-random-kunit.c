// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: random sequences held against a
 * model, and stress
 *
 * On the kernel's command line, for long runs:
 *
 *	dma_coherent_kunit.model_steps=N	steps of each random sequence
 *	dma_coherent_kunit.model_seed=N		replay the sequences of one seed
 *	dma_coherent_kunit.stress_seconds=N	length of the stress
 *	dma_coherent_kunit.stress_looks=N	set by a reader of debugfs
 *
 * The last one may change while the stress goes on: the selftest writes to it below
 * /sys/module, and has pools for as long as it wants to look at them.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/mman.h>
#include <linux/moduleparam.h>
#include <linux/pfn.h>
#include <linux/prandom.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "dma-coherent-fixture.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "dma_coherent_kunit."

static unsigned int model_steps = 3000;
module_param(model_steps, uint, 0444);
MODULE_PARM_DESC(model_steps, "Steps of each random sequence");

static unsigned int model_seed;
module_param(model_seed, uint, 0444);
MODULE_PARM_DESC(model_seed, "Seed of the random sequences, 0 for each test's own");

static unsigned int stress_seconds;
module_param(stress_seconds, uint, 0644);
MODULE_PARM_DESC(stress_seconds, "How long the stress runs, 0 for a moment");

static unsigned int stress_looks;
module_param(stress_looks, uint, 0644);
MODULE_PARM_DESC(stress_looks, "How often debugfs was read, 0 for no reader");

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

	for (n = 0; (mem = fx_mem(m->dev[d], n)); n++)
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

/* The page below which it is served: any page, if it reaches none. */
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
 * those that it does not and that have to serve all the same.
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
		if (!user[r].attached || !model_reach(m, d, r) == reachable ||
		    (!reachable && user[r].fallback))
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

/* An unused region is freed, with its counters. */
static void model_reap(struct model *m, unsigned int d, unsigned int r)
{
	struct model_user *user = &m->user[d][r];

	dma_coherent_reap();
	if (!user->attached && !user->live)
		user->place = 0;
	if (!m->user[0][r].place && !m->user[1][r].place)
		m->stats[r] = (struct dma_coherent_stats) {};
}

/* Only the owner has written to the buffer. Return: NULL, or what is wrong. */
static const char *model_look_at(struct model *m, unsigned int b)
{
	struct model_buffer *buffer = &m->buffer[b];
	void *vaddr = m->bank[buffer->region]->mem + PFN_PHYS(buffer->first);

	return memchr_inv(vaddr, b + 1, buffer->pages * PAGE_SIZE) ?
	       "a buffer that somebody else wrote to" : NULL;
}

static const char *model_leave(struct model *m, struct model_buffer *buffer,
			       enum dma_coherent_free verdict)
{
	unsigned int d = buffer->dev, r = buffer->region;
	unsigned long page;

	m->stats[r].frees[verdict]++;
	for (page = 0; page < buffer->pages; page++)
		m->owner[r][buffer->first + page] = NOBODY;
	buffer->live = false;
	m->user[d][r].live--;
	if (!m->user[d][r].attached)
		model_reap(m, d, r);
	return NULL;
}

static const char *model_release_one(struct model *m, unsigned int b)
{
	struct model_buffer *buffer = &m->buffer[b];
	int right = order_base_2(buffer->pages);
	int order = right + (below(m, 8) ? 0 : 1 + below(m, 60));
	const char *fault;
	void *vaddr;

	if (!buffer->live)
		return NULL;
	fault = model_look_at(m, b);
	if (fault)
		return fault;
	vaddr = m->bank[buffer->region]->mem + PFN_PHYS(buffer->first);
	if (dma_release_from_coherent(m->dev[buffer->dev], order, vaddr) != 1)
		return "a release that went to nobody";
	return model_leave(m, buffer,
			   order != right ? DMA_COHERENT_FREE_WRONG_ORDER : DMA_COHERENT_FREE_GOOD);
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

/* Occupied ranges */

/* A range that begins in a region, reachable or not. */
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

static const char *model_vacate(struct model *m)
{
	unsigned int b = below(m, MODEL_BUFFERS);
	struct model_buffer *buffer = &m->buffer[b];
	const char *fault;
	dma_addr_t handle;

	if (!buffer->live)
		return NULL;
	fault = model_look_at(m, b);
	if (fault)
		return fault;
	handle = model_handle(buffer->region) + PFN_PHYS(buffer->first);
	if (dma_unmark_declared_memory_occupied(m->dev[buffer->dev], handle,
						buffer->pages * PAGE_SIZE))
		return "a range that was not there";
	return model_leave(m, buffer, DMA_COHERENT_FREE_GOOD);
}

/* Attach and detach */

static const char *model_attach(struct model *m)
{
	unsigned int d = below(m, 2), r = below(m, 2), fallback = below(m, 2);
	struct model_user *user = &m->user[d][r];
	int err, expected = user->attached ? -EBUSY : 0;

	if (expected && below(m, 64))
		return NULL;
	err = fx_declare_at(m->dev[d], m->bank[r], model_handle(r),
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
	fx_detach(m->dev[d], DMA_COHERENT_DECLARED, m->bank[r]);
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

	for (page = 0; fx_run_at(region, page, &run); page += run.pages) {
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
		fault = fx_region_fault(mem->region) ?:
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
		model_alloc, model_alloc, model_release, model_release, model_release,
		model_release, model_bad_release, model_attach, model_detach,
		model_set_mask, model_mmap,
		model_occupy, model_vacate,
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
		m->bank[r] = fx_add_bank_behind(test, c->before[r], c->pages[r]);
		m->pages[r] = c->pages[r];
		m->max_order[r] = min_t(unsigned int, CONFIG_DMA_COHERENT_ALIGN_ORDER,
					__ffs(PHYS_PFN(m->bank[r]->base)));
	}
	m->file = fx_open(test, &m->view);
	/* Gives this thread an address space. */
	fx_mmap(test, &view, 1);
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
 * their buffers and look at them again, while a device comes and goes, and a pool.
 */

#define STRESS_THREADS	6
#define STRESS_SLOTS	4

struct stress_buffer {
	void *vaddr;
	unsigned int pages;
	u32 mark;
};

struct stress {
	struct device *dev;
	struct device *visitor;
	struct device *passer;
	const struct bank *bank;
	const struct bank *passing_bank;
	bool stop;
	atomic_t faults;
	atomic_t irq_rounds;
	struct irq_work irq;
	atomic_t irq_busy;
	struct stress_buffer irq_buffer;
};

struct stresser {
	struct stress *stress;
	struct completion done;
	unsigned int number;
	unsigned int rounds;
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

/* Allocate a buffer, or free it. */
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
	if (!stress_marks_hold(buffer) || fx_free(dev, buffer->pages, buffer->vaddr) != 1)
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
		WRITE_ONCE(me->rounds, me->rounds + 1);
		cond_resched();
	}
	for (i = 0; i < STRESS_SLOTS; i++)
		if (buffer[i].vaddr)
			stress_toggle(stress, stress->dev, &buffer[i], 0, 0);
	complete(&me->done);
	return 0;
}

/* Attach, allocate and detach, now and then before the buffer is freed. */
static int stress_visit_thread(void *data)
{
	struct stresser *me = data;
	struct stress *stress = me->stress;
	struct stress_buffer buffer = {};
	unsigned int n;

	for (n = 0; !READ_ONCE(stress->stop); n++) {
		if (fx_attach(stress->visitor, stress->bank))
			atomic_inc(&stress->faults);
		stress_toggle(stress, stress->visitor, &buffer, 2, n);
		if (n % 1024 && buffer.vaddr)
			stress_toggle(stress, stress->visitor, &buffer, 0, 0);
		fx_detach(stress->visitor, DMA_COHERENT_FIRMWARE, stress->bank);
		if (buffer.vaddr)
			stress_toggle(stress, stress->visitor, &buffer, 0, 0);
		WRITE_ONCE(me->rounds, me->rounds + 1);
		cond_resched();
	}
	complete(&me->done);
	return 0;
}

/*
 * Where there is a reader of debugfs, wait in every other round until it has read all of
 * it: in the rounds between, the pool comes and goes while it reads.
 */
static void stress_be_seen(const struct stress *stress, unsigned int round)
{
	unsigned int looks = READ_ONCE(stress_looks);

	do {
		schedule_timeout_uninterruptible(1);
	} while (looks && round % 2 && READ_ONCE(stress_looks) - looks < 2 &&
		 !READ_ONCE(stress->stop));
}

/* Attach a pool, use it, detach it, and let the others run in between. */
static int stress_pass_thread(void *data)
{
	struct stresser *me = data;
	struct stress *stress = me->stress;
	struct stress_buffer buffer = {};

	while (!READ_ONCE(stress->stop)) {
		if (fx_attach(stress->passer, stress->passing_bank))
			atomic_inc(&stress->faults);
		stress_toggle(stress, stress->passer, &buffer, 1, me->rounds);
		stress_be_seen(stress, me->rounds);
		if (buffer.vaddr)
			stress_toggle(stress, stress->passer, &buffer, 0, 0);
		fx_detach(stress->passer, DMA_COHERENT_FIRMWARE, stress->passing_bank);
		stress_be_seen(stress, me->rounds);
		WRITE_ONCE(me->rounds, me->rounds + 1);
	}
	complete(&me->done);
	return 0;
}

/* Every thread has done a round, and the time is up. */
static bool stress_is_over(struct stress *stress, const struct stresser *who,
			   unsigned long start)
{
	unsigned long length = READ_ONCE(stress_seconds) * HZ ?: HZ / 5;
	unsigned int i;

	for (i = 0; i < STRESS_THREADS; i++)
		if (!READ_ONCE(who[i].rounds))
			return false;
	return atomic_read(&stress->irq_rounds) && time_after_eq(jiffies, start + length);
}

/* Return: how many rounds there were. */
static unsigned long stress_run(struct stress *stress)
{
	static int (*const threads[STRESS_THREADS])(void *data) = {
		stress_visit_thread, stress_pass_thread, stress_alloc_thread,
		stress_alloc_thread, stress_alloc_thread, stress_alloc_thread,
	};
	struct stresser who[STRESS_THREADS];
	unsigned long start = jiffies, rounds = 0;
	unsigned int i;

	for (i = 0; i < STRESS_THREADS; i++) {
		who[i] = (struct stresser) { .stress = stress, .number = i };
		init_completion(&who[i].done);
		if (!IS_ERR(kthread_run(threads[i], &who[i], "stress/%u", i)))
			continue;
		atomic_inc(&stress->faults);
		who[i].rounds = 1;
		complete(&who[i].done);
	}
	while (!stress_is_over(stress, who, start))
		msleep(20);
	WRITE_ONCE(stress->stop, true);
	for (i = 0; i < STRESS_THREADS; i++) {
		wait_for_completion(&who[i].done);
		rounds += who[i].rounds;
	}
	irq_work_sync(&stress->irq);
	if (stress->irq_buffer.vaddr)
		stress_toggle(stress, stress->dev, &stress->irq_buffer, 0, 0);
	return rounds;
}

static void threads_and_interrupts_share_a_pool(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct stress stress = {
		.dev = fx->dev,
		.visitor = fx->other,
		.bank = &fx->bank[0],
		.passing_bank = fx_add_bank(test, 4),
		.irq = IRQ_WORK_INIT_HARD(stress_irq),
	};
	struct dma_coherent_stats *stats;
	unsigned long rounds;

	stress.passer = kunit_device_register(test, "passer");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, stress.passer);
	KUNIT_ASSERT_EQ(test, fx_attach(fx->dev, &fx->bank[0]), 0);
	rounds = stress_run(&stress);
	dma_coherent_reap();
	stats = &fx_region(fx->dev)->stats;
	kunit_info(test, "%lu rounds, %d in interrupts, %lu buffers\n", rounds,
		   atomic_read(&stress.irq_rounds), stats->allocs);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress.faults), 0);
	fx_expect_pool(test, fx->dev, 0);
	KUNIT_EXPECT_NULL(test, fx->other->dma_mem);
	KUNIT_EXPECT_NULL(test, stress.passer->dma_mem);
	KUNIT_EXPECT_EQ(test, stats->frees[DMA_COHERENT_FREE_GOOD], stats->allocs);
	KUNIT_EXPECT_EQ(test, stats->frees[DMA_COHERENT_FREE_WRONG_ORDER], 0);
	KUNIT_EXPECT_EQ(test, stats->frees[DMA_COHERENT_FREE_INTERIOR], 0);
	KUNIT_EXPECT_EQ(test, stats->frees[DMA_COHERENT_FREE_NOT_LIVE], 0);
}

static struct kunit_case dma_coherent_random_cases[] = {
	KUNIT_CASE_PARAM(random_sequences_match_the_model, model_case_gen_params),
	KUNIT_CASE_SLOW(threads_and_interrupts_share_a_pool),
	{}
};

static struct kunit_suite dma_coherent_random_suite = {
	.name = "dma_coherent_random",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_random_cases,
};

kunit_test_suite(dma_coherent_random_suite);

MODULE_DESCRIPTION("KUnit tests for random use of per-device coherent memory");
MODULE_LICENSE("GPL");
