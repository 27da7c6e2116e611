// SPDX-License-Identifier: GPL-2.0-only
/*
 * For KUnit tests of per-device coherent memory: random sequences, each step of which
 * is compared with a model
 *
 * On the kernel's command line, for long runs:
 *
 *	dma_coherent_kunit.model_steps=N	steps of each random sequence
 *	dma_coherent_kunit.model_seed=N		replay the sequences of one seed
 */

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/log2.h>
#include <linux/mman.h>
#include <linux/moduleparam.h>
#include <linux/pfn.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "dma-coherent-model.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "dma_coherent_kunit."

static unsigned int model_steps = 3000;
module_param(model_steps, uint, 0444);
MODULE_PARM_DESC(model_steps, "Steps of each random sequence");

static unsigned int model_seed;
module_param(model_seed, uint, 0444);
MODULE_PARM_DESC(model_seed, "Seed of the random sequences, 0 for each test's own");

const struct model_case model_cases[] = {
	{ "32 and 5 pages", { 32, 5 }, { 0, 1 }, 1 },
	{ "64 and 65 pages", { 64, 65 }, { 0, 2 }, 2 },
	{ "one page each", { 1, 1 }, { 0, 3 }, 3 },
	{ "200 and 130 pages", { 200, 130 }, { 8, 64 }, 4 },
	{ "bases that promise nothing", { 48, 100 }, { 1, 3 }, 5 },
};

u32 model_below(struct model *m, u32 limit)
{
	return prandom_u32_state(&m->rnd) % limit;
}

dma_addr_t model_handle(unsigned int r)
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

static enum dma_coherent_failure model_cause(struct model *m, unsigned int r,
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
		m->stats[r].failures[model_cause(m, r, pages)]++;
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

const char *model_enter(struct model *m, unsigned int d, unsigned int r,
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
	unsigned int d = model_below(m, 2), b = model_below(m, MODEL_BUFFERS), r;
	unsigned long pages = model_below(m, 8) ? model_below(m, 6) :
			      model_below(m, m->pages[model_below(m, 2)] + 2);
	ssize_t size = pages * PAGE_SIZE - (pages ? model_below(m, PAGE_SIZE) : 0);
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
const char *model_look_at(struct model *m, unsigned int b)
{
	struct model_buffer *buffer = &m->buffer[b];
	void *vaddr = m->bank[buffer->region]->mem + PFN_PHYS(buffer->first);

	return memchr_inv(vaddr, b + 1, buffer->pages * PAGE_SIZE) ?
	       "a buffer that somebody else wrote to" : NULL;
}

const char *model_leave(struct model *m, struct model_buffer *buffer,
			enum dma_coherent_verdict verdict)
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
	int order = right + (model_below(m, 8) ? 0 : 1 + model_below(m, 60));
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
	return model_release_one(m, model_below(m, MODEL_BUFFERS));
}

static const char *model_bad_release(struct model *m)
{
	unsigned int d = model_below(m, 2), r = model_below(m, 2);
	unsigned long page = model_below(m, m->pages[r]);
	unsigned int byte = model_below(m, 2) ? 0 : model_below(m, PAGE_SIZE);
	u8 b = m->owner[r][page];
	int ret;

	if (b != NOBODY && m->buffer[b].first == page && !byte)
		return NULL;
	ret = dma_release_from_coherent(m->dev[d], model_below(m, 8),
					m->bank[r]->mem + PFN_PHYS(page) + byte);
	if (ret != !!m->user[d][r].place)
		return "a bad release that went to the wrong one";
	if (ret)
		m->stats[r].frees[b == NOBODY ? DMA_COHERENT_FREE_NOT_LIVE :
						DMA_COHERENT_FREE_INTERIOR]++;
	return dma_release_from_coherent(m->dev[d], 0, m) ?
	       "a foreign address released" : NULL;
}

/* Attach and detach */

static const char *model_attach(struct model *m)
{
	unsigned int d = model_below(m, 2), r = model_below(m, 2), fallback = model_below(m, 2);
	struct model_user *user = &m->user[d][r];
	int err, expected = user->attached ? -EBUSY : 0;

	if (expected && model_below(m, 64))
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
	unsigned int d = model_below(m, 2), r = model_below(m, 2);

	if (model_below(m, 16))
		return NULL;
	fx_detach(m->dev[d], DMA_COHERENT_DECLARED, m->bank[r]);
	m->user[d][r].attached = false;
	model_reap(m, d, r);
	return NULL;
}

static const char *model_set_mask(struct model *m)
{
	unsigned int r = model_below(m, 2);
	u64 mask = model_handle(r) + model_below(m, m->pages[r] * PAGE_SIZE);

	if (!model_below(m, 16))
		m->dev[model_below(m, 2)]->coherent_dma_mask = model_below(m, 3) ? U64_MAX :
							 model_below(m, 3) ? mask : 0;
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
	unsigned int d = model_below(m, 2), r = model_below(m, 2);
	unsigned long page = model_below(m, m->pages[r]), pages = 1 + model_below(m, 3);
	unsigned long addr;
	u8 got = 0;
	bool ok;

	if (!m->user[d][r].place || model_below(m, 4))
		return NULL;
	m->view = (struct view) {
		.dev = m->dev[d],
		.vaddr = m->bank[r]->mem + PFN_PHYS(page),
		.size = model_below(m, 5 * PAGE_SIZE),
		.pgoff = model_below(m, 4),
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

static const char *model_step_once(struct model *m, const model_step *more, unsigned int n)
{
	static const model_step steps[] = {
		model_alloc, model_alloc, model_alloc, model_alloc, model_alloc,
		model_alloc, model_alloc, model_release, model_release, model_release,
		model_release, model_bad_release, model_attach, model_detach,
		model_set_mask, model_mmap,
	};
	unsigned int step = model_below(m, ARRAY_SIZE(steps) + n);

	return (step < n ? more[step](m) : steps[step - n](m)) ?: model_compare(m);
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

/**
 * model_expect_sequence() - take a random sequence of steps, and compare after each
 * @test: the test
 * @c: the case
 * @more: steps of the suite's own
 * @n: how many
 */
void model_expect_sequence(struct kunit *test, const struct model_case *c,
			   const model_step *more, unsigned int n)
{
	unsigned int seed = model_seed ?: c->seed, step, b;
	const char *fault = NULL;
	struct model *m;

	m = model_create(test, c, seed);
	for (step = 0; step < model_steps && !fault; step++) {
		fault = model_step_once(m, more, n);
		if (step % 1024 == 0)
			cond_resched();
	}
	for (b = 0; b < MODEL_BUFFERS && !fault; b++)
		fault = model_release_one(m, b) ?: model_compare(m);
	KUNIT_EXPECT_NULL_MSG(test, fault, "seed %u, step %u: %s", seed, step, fault);
}
