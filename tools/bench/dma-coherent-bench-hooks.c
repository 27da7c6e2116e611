// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole way through the hooks, zeroing included, with memory behind it
 *
 * The region has the same pages in use as mainline's pool, and the same memory.
 * Its pages are taken and freed in the page pool itself, not by the hooks, so
 * whether the others are clean depends on nothing but the operations that are
 * timed. A sample begins where all of a buffer's pages are in one state:
 *
 * - OFF: pages are not cleaned; given back a moment ago. A row of a kernel without
 *   the cleaner has another name.
 * - DIRTY: pages are cleaned, but were given back a moment ago. The loop that is
 *   timed does not sleep, so the cleaner does not run.
 * - CLEAN: the cleaner has nothing left to do.
 * - FIRST: pages are cleaned, but were never allocated since the region was
 *   declared, so nothing is known of them.
 *
 * OFF and DIRTY are pairs of an allocation and its release. In the other states,
 * that would be true for the first pair alone: several buffers are allocated and
 * then released. Mainline does the same where what is in the caches counts: that
 * is FIRST, and all states if buffers are written to. Beside CLEAN it has pairs,
 * which zero what is in the cache already: the best that it can do.
 *
 * Few operations are timed at once, so time is taken from the processor's time
 * stamp counter, which has finer steps than UML's clock.
 */

#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/dma-coherent.h>
#include <linux/dma-map-ops.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sprintf.h>
#include <linux/string.h>
#include <linux/time.h>

#include "../../drivers/base/dma-coherent.h"
#include "dma-coherent-bench.h"

#define POOL_BYTES	SZ_64M
#define POOL_PAGES	BENCH_PAGES(POOL_BYTES)
#define MAX_BUFFERS	64
#define MAX_BYTES	SZ_2M	/* of these, where what is in the caches counts */
#define MAX_LOOPS	1000000U
#define SAMPLE_NS	(32 * NSEC_PER_USEC)
#define SAMPLES		8	/* of each allocator, in each pass */
#define MAX_ROUNDS	4	/* of getting the pages ready, in each sample */
#define SWEEP_BYTES	SZ_32M
#define CPU_PAIRS	32

/* UML's page allocator has no range as large as this. */
static u8 memory[POOL_BYTES] __aligned(SZ_2M);
static u8 other_memory[SWEEP_BYTES] __aligned(SZ_2M);

enum state { OFF, DIRTY, CLEAN, FIRST, STATES };

static const char *const state_names[STATES] = {
	[OFF] = IS_ENABLED(CONFIG_DMA_COHERENT_CLEAN) ? "off" : "without",
	[DIRTY] = "dirty", [CLEAN] = "clean", [FIRST] = "first",
};

enum side { OURS, MAINLINE, SIDES };

struct hooks {
	struct device *dev;
	struct dma_coherent_mem *mainline;
	enum state state;
	bool use;		/* write the whole buffer */
	size_t bytes;
	unsigned long pages;
	unsigned long block;	/* what mainline uses for it */
	unsigned int percent;
	unsigned int buffers[SIDES];	/* at once */
	unsigned int loops[SIDES];
	void *addr[MAX_BUFFERS];
};

/* The clock */

static u64 ticks_per_ms;
static u64 clock_ticks;		/* what it takes to read the clock */

static u64 ticks_to_ps(u64 ticks, u64 ops)
{
	return div64_u64(mul_u64_u64_div_u64(ticks, NSEC_PER_SEC, ticks_per_ms), ops);
}

static u64 ns_to_ticks(u64 ns)
{
	return mul_u64_u64_div_u64(ns, ticks_per_ms, NSEC_PER_MSEC);
}

static void calibrate(void)
{
	u64 start, ns, ticks, n;

	clock_ticks = U64_MAX;
	for (n = 0; n < 1000; n++) {
		ticks = bench_ticks();
		clock_ticks = min(clock_ticks, bench_ticks() - ticks);
	}
	ns = ktime_get_ns();
	start = bench_ticks();
	do {
		ticks = bench_ticks() - start;
	} while (ktime_get_ns() - ns < 20 * NSEC_PER_MSEC);
	ticks_per_ms = div64_u64(ticks * NSEC_PER_MSEC, ktime_get_ns() - ns);
}

/* The region and mainline's pool */

static struct dma_coherent_region *region_of(const struct hooks *hooks)
{
	return rcu_dereference_raw(hooks->dev->dma_mem)->region;
}

#ifdef CONFIG_DMA_COHERENT_CLEAN

/* Of regions that are declared from then on. */
static void set_cleaning(bool on)
{
	dma_coherent_clean = on;
}

static void wait_until_clean(const struct hooks *hooks)
{
	dma_coherent_clean_wait(region_of(hooks));
}

#else

static void set_cleaning(bool on)
{
}

static void wait_until_clean(const struct hooks *hooks)
{
}

#endif

static int declare(struct hooks *hooks)
{
	set_cleaning(hooks->state != OFF);
	return dma_declare_coherent_memory(hooks->dev, __pa(memory), __pa(memory),
					   POOL_BYTES);
}

static void take_unit(struct hooks *hooks, unsigned long page)
{
	struct dma_coherent_region *region = region_of(hooks);
	unsigned long flags;
	long ret;

	raw_spin_lock_irqsave(&region->lock, flags);
	ret = dma_coherent_pool_take(&region->pool, page, hooks->pages);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	if (ret < 0)
		pr_err("%s: page %lu is in use\n", __func__, page);
}

static void free_unit(struct hooks *hooks, unsigned long page)
{
	struct dma_coherent_region *region = region_of(hooks);
	unsigned long flags;
	long ret;

	raw_spin_lock_irqsave(&region->lock, flags);
	ret = dma_coherent_pool_free(&region->pool, page);
	raw_spin_unlock_irqrestore(&region->lock, flags);
	if (ret < 0)
		pr_err("%s: page %lu is not in use\n", __func__, page);
}

/* Each unit that mainline's pool has in use. */
static void visit_held(struct hooks *hooks,
		       void (*visit)(struct hooks *hooks, unsigned long page))
{
	const unsigned long *bitmap = bench_mainline_bitmap(hooks->mainline);
	unsigned long page;

	for (page = 0; page < POOL_PAGES; page += hooks->block)
		if (test_bit(page, bitmap))
			visit(hooks, page);
}

/* As in make_state(): a share of the pool, at random, but not all of it. */
static int hold_mainline(struct hooks *hooks)
{
	unsigned long units = POOL_PAGES / hooks->block, held, n;
	u32 *list = kvmalloc_array(units, sizeof(*list), GFP_KERNEL);

	if (!list)
		return -ENOMEM;
	for (n = 0; n < units; n++)
		list[n] = n;
	bench_shuffle(list, units);
	held = min(DIV_ROUND_UP(units * hooks->percent, 100), units - 1);
	for (n = 0; n < held; n++)
		bitmap_set(bench_mainline_bitmap(hooks->mainline),
			   list[n] * hooks->block, hooks->block);
	kvfree(list);
	return 0;
}

static bool at_once(const struct hooks *hooks)
{
	return hooks->state == CLEAN || hooks->state == FIRST;
}

static void choose_buffers(struct hooks *hooks)
{
	unsigned long free = POOL_PAGES - bitmap_weight(bench_mainline_bitmap(hooks->mainline),
							POOL_PAGES);
	unsigned int most = min(free / hooks->block, MAX_BUFFERS);
	unsigned int few = clamp(MAX_BYTES / hooks->bytes, 1, most);
	bool best = hooks->state == CLEAN && !hooks->use;

	hooks->buffers[OURS] = !at_once(hooks) ? 1 : best ? most : few;
	hooks->buffers[MAINLINE] = !at_once(hooks) || best ? 1 : few;
	hooks->loops[OURS] = 1;
	hooks->loops[MAINLINE] = 1;
}

static void undeclare(struct hooks *hooks)
{
	visit_held(hooks, free_unit);
	dma_release_coherent_memory(hooks->dev);
}

static int hooks_open(struct hooks *hooks)
{
	int ret;

	hooks->pages = PFN_UP(hooks->bytes);
	hooks->block = roundup_pow_of_two(hooks->pages);
	hooks->mainline = bench_mainline_create(POOL_PAGES, memory);
	if (!hooks->mainline)
		return -ENOMEM;
	ret = hold_mainline(hooks) ?: declare(hooks);
	if (ret) {
		bench_mainline_destroy(hooks->mainline);
		return ret;
	}
	visit_held(hooks, take_unit);
	choose_buffers(hooks);
	return 0;
}

static void hooks_close(struct hooks *hooks)
{
	undeclare(hooks);
	bench_mainline_destroy(hooks->mainline);
}

/* Operations */

static void *ours_alloc(struct hooks *hooks)
{
	dma_addr_t handle;
	void *addr = NULL;

	dma_alloc_from_coherent(hooks->dev, hooks->bytes, &handle, &addr);
	return addr;
}

static void *mainline_alloc(struct hooks *hooks)
{
	void *addr = bench_mainline_alloc(hooks->mainline, hooks->bytes);

	memset(addr, 0, hooks->bytes);
	return addr;
}

static u64 time_ours(struct hooks *hooks, unsigned int buffers, unsigned int loops)
{
	int order = get_order(hooks->bytes);
	u64 start = bench_ticks();
	unsigned int n;

	while (loops--) {
		for (n = 0; n < buffers; n++) {
			hooks->addr[n] = ours_alloc(hooks);
			if (hooks->use)
				memset(hooks->addr[n], 0x5a, hooks->bytes);
		}
		while (n--)
			dma_release_from_coherent(hooks->dev, order, hooks->addr[n]);
	}
	return bench_ticks() - start - clock_ticks;
}

static u64 time_mainline(struct hooks *hooks, unsigned int buffers, unsigned int loops)
{
	u64 start = bench_ticks();
	unsigned int n;

	while (loops--) {
		for (n = 0; n < buffers; n++) {
			hooks->addr[n] = mainline_alloc(hooks);
			if (hooks->use)
				memset(hooks->addr[n], 0x5a, hooks->bytes);
		}
		while (n--)
			bench_mainline_free(hooks->mainline, hooks->bytes, hooks->addr[n]);
	}
	return bench_ticks() - start - clock_ticks;
}

/* Before and after an operation */

/* Long after its pages were given back, a buffer is in no cache. */
static void sweep_caches(const struct hooks *hooks)
{
	unsigned long n;

	if (!hooks->use || !at_once(hooks))
		return;
	for (n = 0; n < SWEEP_BYTES; n += L1_CACHE_BYTES)
		READ_ONCE(other_memory[n]);
}

/* The cleaner drove the pool's metadata out of the caches. This request fails. */
static void warm_up(const struct hooks *hooks)
{
	dma_addr_t handle;
	void *addr;

	dma_alloc_from_coherent_attrs(hooks->dev, 2 * POOL_BYTES, &handle, &addr,
				      0, DMA_ATTR_NO_WARN);
}

static int prepare(struct hooks *hooks, enum side side)
{
	int ret = 0;

	if (side == OURS && hooks->state == CLEAN) {
		wait_until_clean(hooks);
		if (!hooks->use)
			warm_up(hooks);
	} else if (side == OURS && hooks->state == FIRST) {
		undeclare(hooks);
		ret = declare(hooks);
		if (!ret)
			visit_held(hooks, take_unit);
	} else if (side == OURS && hooks->state == DIRTY) {
		time_ours(hooks, 1, 1);
	} else if (side == MAINLINE && hooks->state == CLEAN) {
		time_mainline(hooks, 1, 1);
	}
	sweep_caches(hooks);
	return ret;
}

/* Clean pages must not be written to by anybody else. */
static void clear_used(struct hooks *hooks, enum side side)
{
	unsigned int n;

	if (side != MAINLINE || !hooks->use)
		return;
	for (n = 0; n < hooks->buffers[side]; n++)
		memset(hooks->addr[n], 0, hooks->bytes);
}

static void release_buffers(struct hooks *hooks, unsigned int count)
{
	int order = get_order(hooks->bytes);

	while (count--)
		dma_release_from_coherent(hooks->dev, order, hooks->addr[count]);
}

/* Each buffer must be zero when it is allocated, whatever was in it. */
static int check(struct hooks *hooks)
{
	unsigned int n;
	int ret;

	for (n = 0; n < hooks->buffers[OURS]; n++) {
		hooks->addr[n] = ours_alloc(hooks);
		if (hooks->addr[n])
			memset(hooks->addr[n], 0x5a, hooks->bytes);
	}
	release_buffers(hooks, n);
	ret = prepare(hooks, OURS);
	for (n = 0; n < hooks->buffers[OURS] && !ret; n++) {
		hooks->addr[n] = ours_alloc(hooks);
		if (!hooks->addr[n] || memchr_inv(hooks->addr[n], 0, hooks->bytes))
			ret = -EIO;
	}
	if (ret)
		pr_err("%zu bytes, %s: not zero\n", hooks->bytes, state_names[hooks->state]);
	release_buffers(hooks, n);
	return ret;
}

/* Samples */

static int sample(struct hooks *hooks, enum side side, u64 *least)
{
	unsigned int buffers = hooks->buffers[side], rounds = 0;
	unsigned int *loops = &hooks->loops[side];
	/* More loops than one would find the buffer as the one before left it. */
	bool once = at_once(hooks) && (side == OURS || hooks->use || hooks->state == FIRST);
	u64 ticks = 0, ops = 0, enough = ns_to_ticks(SAMPLE_NS), took;
	int ret;

	do {
		ret = prepare(hooks, side);
		if (ret)
			return ret;
		took = side == OURS ? time_ours(hooks, buffers, *loops) :
				      time_mainline(hooks, buffers, *loops);
		clear_used(hooks, side);
		if (!once && took < enough && *loops < MAX_LOOPS) {
			*loops *= 2;
			continue;
		}
		ticks += took;
		ops += buffers * *loops;
		rounds++;
	} while (ticks < enough && rounds < (hooks->use ? 1 : MAX_ROUNDS));
	*least = min(*least, ticks_to_ps(ticks, ops));
	return 0;
}

static void row_name(char *buf, size_t size, const struct hooks *hooks)
{
	if (hooks->bytes % SZ_1K || hooks->bytes > SZ_1M)
		snprintf(buf, size, "64MiB/%zuB", hooks->bytes);
	else if (hooks->bytes == SZ_1M)
		snprintf(buf, size, "64MiB/1MiB");
	else
		snprintf(buf, size, "64MiB/%zuKiB", hooks->bytes / SZ_1K);
}

static int pair_row(struct hooks hooks, unsigned int passes)
{
	u64 value[BENCH_COLUMNS] = BENCH_NO_VALUES;
	unsigned int n;
	char name[48];
	int len, ret;

	row_name(name, sizeof(name), &hooks);
	len = strlen(name);
	snprintf(name + len, sizeof(name) - len, "@%u%%,%s", hooks.percent,
		 state_names[hooks.state]);
	if (!bench_wanted(name))
		return 0;
	ret = hooks_open(&hooks) ?: check(&hooks);
	for (n = 0; n < passes * SAMPLES && !ret; n++)
		ret = sample(&hooks, OURS, &value[BENCH_OURS]) ?:
		      sample(&hooks, MAINLINE, &value[BENCH_MAINLINE]);
	if (ret)
		return ret;
	bench_print(hooks.use ? "hook_use" : "hook_pair", name, value, "ns");
	hooks_close(&hooks);
	cond_resched();
	return 0;
}

static const u32 sizes[] = { SZ_4K, SZ_64K, SZ_1M, 3110400, 8294400 };
static const unsigned int percents[] = { 0, 50, 90 };

static int pair_rows(struct device *dev, bool use, unsigned int passes)
{
	unsigned int i, n, state;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (n = 0; n < ARRAY_SIZE(percents); n++)
			for (state = 0; state < STATES && !ret; state++) {
				struct hooks hooks = {
					.dev = dev, .use = use, .state = state,
					.bytes = sizes[i], .percent = percents[n],
				};

				if (state == OFF || IS_ENABLED(CONFIG_DMA_COHERENT_CLEAN))
					ret = pair_row(hooks, passes);
			}
	return ret;
}

/*
 * Processor time of the whole process that UML is: what the cleaner takes, and
 * what it costs to wake it. From the host's C library.
 */
int clock_gettime(int clock, struct __kernel_timespec *ts);

static u64 cpu_ns(void)
{
	struct __kernel_timespec ts = { };

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static u64 cpu_of_pairs(struct hooks *hooks, enum side side)
{
	u64 start = cpu_ns();
	unsigned int n;

	for (n = 0; n < CPU_PAIRS; n++) {
		if (side == MAINLINE) {
			time_mainline(hooks, 1, 1);
			continue;
		}
		time_ours(hooks, 1, 1);
		wait_until_clean(hooks);
	}
	return div_u64((cpu_ns() - start) * 1000, CPU_PAIRS);
}

static int cpu_row(struct hooks hooks, unsigned int passes)
{
	u64 value[BENCH_COLUMNS] = BENCH_NO_VALUES;
	char name[48];
	unsigned int n;
	int ret;

	row_name(name, sizeof(name), &hooks);
	if (!bench_wanted(name))
		return 0;
	ret = hooks_open(&hooks) ?: check(&hooks);
	if (ret)
		return ret;
	wait_until_clean(&hooks);
	for (n = 0; n < passes * SAMPLES; n++) {
		value[BENCH_OURS] = min(value[BENCH_OURS], cpu_of_pairs(&hooks, OURS));
		value[BENCH_MAINLINE] = min(value[BENCH_MAINLINE],
					    cpu_of_pairs(&hooks, MAINLINE));
	}
	bench_print("hook_cpu", name, value, "ns");
	hooks_close(&hooks);
	return 0;
}

static int cpu_rows(struct device *dev, unsigned int passes)
{
	struct hooks hooks = { .dev = dev, .state = CLEAN };
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && !ret; i++) {
		hooks.bytes = sizes[i];
		ret = cpu_row(hooks, passes);
	}
	return ret;
}

/* From the release of a buffer that is the whole pool until all of it is clean. */
static int rate_row(struct device *dev, unsigned int passes)
{
	struct hooks hooks = { .dev = dev, .state = CLEAN, .bytes = POOL_BYTES };
	u64 value[BENCH_COLUMNS] = BENCH_NO_VALUES;
	u64 start, least = U64_MAX;
	unsigned int n;
	int ret;

	if (!bench_wanted("64MiB"))
		return 0;
	ret = hooks_open(&hooks);
	if (ret)
		return ret;
	for (n = 0; n < passes; n++) {
		time_ours(&hooks, 1, 1);
		start = ktime_get_ns();
		wait_until_clean(&hooks);
		least = min(least, ktime_get_ns() - start);
	}
	value[BENCH_OURS] = div64_u64(BENCH_MIB(POOL_PAGES) * NSEC_PER_SEC * 1000, least);
	bench_print("clean_rate", "64MiB", value, "MiB/s");
	hooks_close(&hooks);
	return 0;
}

#ifdef CONFIG_DMA_COHERENT_CLEAN

/* Where buffers go must not depend on what is clean. */

static dma_addr_t places[2][BENCH_PLACES];

static void settle(struct device *dev)
{
	dma_coherent_clean_wait(rcu_dereference_raw(dev->dma_mem)->region);
}

static int find_places(struct device *dev, unsigned int mix, bool clean)
{
	struct hooks hooks = { .dev = dev, .state = clean ? CLEAN : OFF };
	int ret = declare(&hooks);

	if (ret)
		return ret;
	ret = bench_find_places(dev, mix, POOL_BYTES, clean ? settle : NULL,
				places[clean]);
	dma_release_coherent_memory(dev);
	return ret;
}

static int placement_rows(struct device *dev)
{
	unsigned int mix, n;
	char name[48];
	int ret;

	for (mix = 0; mix < BENCH_MIXES; mix++) {
		u64 value[BENCH_COLUMNS] = BENCH_NO_VALUES;

		value[BENCH_OURS] = 0;
		snprintf(name, sizeof(name), "64MiB/%s@80%%", bench_mix_name(mix));
		if (!bench_wanted(name))
			continue;
		ret = find_places(dev, mix, false) ?: find_places(dev, mix, true);
		if (ret)
			return ret;
		for (n = 0; n < BENCH_PLACES; n++)
			if (places[0][n] != places[1][n])
				value[BENCH_OURS] += 1000;
		bench_print("placement", name, value, "differ");
	}
	return 0;
}

#else

static int placement_rows(struct device *dev)
{
	return 0;
}

#endif

/*
 * How long interrupts are off, in a kernel that was built for it: see
 * dma-coherent-bench-irqs-off.h. What interrupts the host makes some stretches
 * longer. So the same operations are repeated, and of each stretch the shortest
 * time counts; of these, the longest.
 */
#define MAX_STRETCHES	4096
#define REPEATS		32

enum operation { IDLE, ALLOC, RELEASE, CLEANER, OPERATIONS };

static struct stretches {
	unsigned int count;
	u64 least[MAX_STRETCHES];
	u64 most;
} stretches[OPERATIONS];

static enum operation operation;
static u64 off_since;

void bench_irqs_off(void)
{
	off_since = bench_ticks();
}

void bench_irqs_on(void)
{
	u64 ticks = bench_ticks() - off_since;
	struct stretches *all = &stretches[operation];

	if (operation != IDLE && all->count < MAX_STRETCHES) {
		all->least[all->count] = min(all->least[all->count], ticks);
		all->count++;
	}
}

static void forget_stretches(void)
{
	unsigned int n;

	for (n = 0; n < OPERATIONS; n++)
		memset(stretches[n].least, 0xff, sizeof(stretches[n].least));
}

static void keep_most(void)
{
	struct stretches *all;
	unsigned int n;

	for (all = stretches; all < stretches + OPERATIONS; all++)
		for (n = 0; n < MAX_STRETCHES && all->least[n] != U64_MAX; n++)
			all->most = max(all->most, all->least[n] - clock_ticks);
}

static void repeat_operations(struct hooks *hooks, enum side side)
{
	int order = get_order(hooks->bytes);
	unsigned int n, i;
	void *addr;

	forget_stretches();
	for (n = 0; n < REPEATS; n++) {
		for (i = 0; i < OPERATIONS; i++)
			stretches[i].count = 0;
		operation = ALLOC;
		addr = side == OURS ? ours_alloc(hooks) : mainline_alloc(hooks);
		operation = RELEASE;
		if (side == OURS)
			dma_release_from_coherent(hooks->dev, order, addr);
		else
			bench_mainline_free(hooks->mainline, hooks->bytes, addr);
		operation = CLEANER;
		if (side == OURS && hooks->state == CLEAN)
			wait_until_clean(hooks);
		operation = IDLE;
	}
	keep_most();
}

static int try_state(struct hooks hooks, enum side side)
{
	int ret = hooks_open(&hooks);

	if (ret)
		return ret;
	repeat_operations(&hooks, side);
	hooks_close(&hooks);
	return 0;
}

/* All sizes, at all occupancies, in all states but the one that ends at once. */
static int most_of_side(struct device *dev, enum side side)
{
	struct hooks hooks = { .dev = dev };
	unsigned int i, n;
	int ret = 0;

	for (i = 0; i < OPERATIONS; i++)
		stretches[i].most = 0;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (n = 0; n < ARRAY_SIZE(percents); n++) {
			hooks.bytes = sizes[i];
			hooks.percent = percents[n];
			for (hooks.state = OFF; hooks.state < FIRST && !ret; hooks.state++)
				ret = try_state(hooks, side);
		}
	}
	return ret;
}

static void print_most(const char *benchmark, const char *name,
		       const u64 ticks[SIDES])
{
	u64 value[BENCH_COLUMNS] = BENCH_NO_VALUES;

	if (ticks[OURS])
		value[BENCH_OURS] = ticks_to_ps(ticks[OURS], 1);
	if (ticks[MAINLINE])
		value[BENCH_MAINLINE] = ticks_to_ps(ticks[MAINLINE], 1);
	bench_print(benchmark, name, value, "ns");
}

static int irqs_off_rows(struct device *dev)
{
	u64 most[OPERATIONS][SIDES];
	unsigned int i, side;
	int ret;

	for (side = 0; side < SIDES; side++) {
		ret = most_of_side(dev, side);
		if (ret)
			return ret;
		for (i = 0; i < OPERATIONS; i++)
			most[i][side] = stretches[i].most;
	}
	print_most("irqs_off_max", "64MiB/alloc", most[ALLOC]);
	print_most("irqs_off_max", "64MiB/release", most[RELEASE]);
	if (IS_ENABLED(CONFIG_DMA_COHERENT_CLEAN))
		print_most("clean_step_max", "64MiB", most[CLEANER]);
	return 0;
}

static int time_rows(struct device *dev, unsigned int passes)
{
	int ret = pair_rows(dev, false, passes) ?: pair_rows(dev, true, passes);

	if (IS_ENABLED(CONFIG_DMA_COHERENT_CLEAN))
		ret = ret ?: cpu_rows(dev, passes) ?: rate_row(dev, passes) ?:
		      placement_rows(dev);
	return ret;
}

int bench_hooks(unsigned int passes, bool irqs_off)
{
	struct device *dev = root_device_register("dma-coherent-bench");
	int ret;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	calibrate();
	memset(memory, 0, sizeof(memory));
	memset(other_memory, 0, sizeof(other_memory));
	ret = irqs_off ? irqs_off_rows(dev) : time_rows(dev, passes);
	root_device_unregister(dev);
	return ret;
}
