// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page pool beside the tree's own allocator: how long and how much fits
 *
 * Prints rows of tab-separated values between two markers and turns the
 * machine off; tools/bench/README.md says what each of them means. Only runs
 * when dma_coherent_bench.passes= is on the kernel command line.
 *
 * How time is taken: a row has up to six columns. A sample is one batch of
 * operations, long beside the clock's step and short beside what interrupts
 * it; the columns of a row are sampled in turn, several times, then comes the
 * next row, and all of that once a pass. What is printed is the least of a
 * column's samples. So whatever slows the machine down for a while slows all
 * columns of all rows, and columns and rows can be compared.
 */

#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/sprintf.h>
#include <linux/string.h>

#include "../../drivers/base/dma-coherent.h"
#include "dma-coherent-bench.h"

static unsigned int passes;
module_param(passes, uint, 0444);
MODULE_PARM_DESC(passes, "How often each row is timed; 0: do nothing");

static unsigned int seeds = 20;
module_param(seeds, uint, 0444);
MODULE_PARM_DESC(seeds, "Traces for each mix and load");

static char *only;
module_param(only, charp, 0444);
MODULE_PARM_DESC(only, "Time only rows whose case has this in it, for a profiler");

static bool irqs_off;
module_param(irqs_off, bool, 0444);
MODULE_PARM_DESC(irqs_off, "Only time how long interrupts are off; needs a kernel that was built for it");

#define BATCH_NS	(32 * NSEC_PER_USEC)
#define SAMPLES		8	/* of each column, in each pass */
#define MAX_OPS		1000000U
#define MAX_FILL_OPS	256U
#define FILL_POINTS	50
#define MAX_ROWS	48

/* Helpers for all parts */

bool bench_wanted(const char *name)
{
	return !only || strstr(name, only);
}

static int print_thousandths(char *buf, size_t size, u64 value)
{
	u32 rest;

	if (value == BENCH_NONE)
		return scnprintf(buf, size, "\t-");
	value = div_u64_rem(value, 1000, &rest);
	return scnprintf(buf, size, "\t%llu.%02u", value, rest / 10);
}

void bench_print(const char *benchmark, const char *name,
		 const u64 value[BENCH_COLUMNS], const char *unit)
{
	char buf[128];
	int column, len = 0;

	for (column = 0; column < BENCH_COLUMNS; column++)
		len += print_thousandths(buf + len, sizeof(buf) - len,
					 value[column]);
	pr_info("%s\t%s%s\t%s\n", benchmark, name, buf, unit);
}

u32 bench_below(struct rnd_state *rnd, u32 ceil)
{
	return ((u64)prandom_u32_state(rnd) * ceil) >> 32;
}

/* Small seeds differ in few bits; let them spread before the first is used. */
void bench_seed(struct rnd_state *rnd, u64 seed)
{
	unsigned int n;

	prandom_seed_state(rnd, seed * 0x9e3779b97f4a7c15ULL);
	for (n = 0; n < 16; n++)
		prandom_u32_state(rnd);
}

DEFINE_RAW_SPINLOCK(bench_lock);

struct dma_coherent_pool *bench_pool_create(unsigned long pages,
					    unsigned int max_align_order)
{
	struct dma_coherent_pool *pool = kzalloc_obj(*pool);

	if (pool && dma_coherent_pool_init(pool, pages, max_align_order)) {
		kfree(pool);
		pool = NULL;
	}
	if (pool)
		pool->lock = &bench_lock;
	return pool;
}

void bench_pool_destroy(struct dma_coherent_pool *pool)
{
	dma_coherent_pool_exit(pool);
	kfree(pool);
}

/* Rows */

enum bench_state {
	HELD,		/* a share of it, in units of the request, at random */
	CHECKERBOARD,	/* every second page is free */
	ODD_PAIRS,	/* two pages are free, two held: none aligned */
	OUT_OF_REACH,	/* half of the pages behind the limit are free */
};

struct bench_row;
typedef u64 (*bench_time_fn)(struct bench_row *row, unsigned int ops);

struct bench_row {
	const char *benchmark;
	char name[48];
	enum bench_state state;
	unsigned int percent;
	unsigned long pool_pages;
	unsigned long pages;
	unsigned long limit;
	bool refused;		/* what is to be expected */

	struct dma_coherent_pool *ours;
	struct dma_coherent_mem *mainline;
	struct dma_coherent_mem *empty;
	struct bench_genalloc *genalloc;
	struct bench_drm *drm;
	const bench_time_fn *time;
	struct bench_cell {
		unsigned int ops;
		unsigned int max_ops;
		u64 least;	/* ps per operation */
	} column[BENCH_COLUMNS];
};

static struct bench_row rows[MAX_ROWS];
static unsigned int row_count;

/* As many bits as the largest request has pages. */
static unsigned long *floor_bits;

static long ours_alloc(struct bench_row *row)
{
	unsigned long flags;
	long page;

	raw_spin_lock_irqsave(&bench_lock, flags);
	page = dma_coherent_pool_alloc(row->ours, row->pages, row->limit);
	raw_spin_unlock_irqrestore(&bench_lock, flags);
	return page;
}

static void ours_free(struct bench_row *row, long page)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&bench_lock, flags);
	dma_coherent_pool_free(row->ours, page);
	raw_spin_unlock_irqrestore(&bench_lock, flags);
}

static void floor_set(struct bench_row *row)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&bench_lock, flags);
	bitmap_set(floor_bits, 0, row->pages);
	raw_spin_unlock_irqrestore(&bench_lock, flags);
}

/* A request and, when it was met, the release of what it got. */

static u64 time_ours_pairs(struct bench_row *row, unsigned int ops)
{
	u64 start = ktime_get_ns();
	long page;

	while (ops--) {
		page = ours_alloc(row);
		if (page >= 0)
			ours_free(row, page);
	}
	return ktime_get_ns() - start;
}

static u64 time_pairs(struct dma_coherent_mem *mem, size_t bytes,
		      unsigned int ops)
{
	u64 start = ktime_get_ns();
	void *addr;

	while (ops--) {
		addr = bench_mainline_alloc(mem, bytes);
		if (addr)
			bench_mainline_free(mem, bytes, addr);
	}
	return ktime_get_ns() - start;
}

static u64 time_mainline_pairs(struct bench_row *row, unsigned int ops)
{
	return time_pairs(row->mainline, row->pages << PAGE_SHIFT, ops);
}

static u64 time_best_pairs(struct bench_row *row, unsigned int ops)
{
	return time_pairs(row->empty, row->pages << PAGE_SHIFT, ops);
}

static u64 time_floor(struct bench_row *row, unsigned int ops)
{
	u64 start = ktime_get_ns();

	while (ops--)
		floor_set(row);
	return ktime_get_ns() - start;
}

static u64 time_genalloc_pairs(struct bench_row *row, unsigned int ops)
{
	u64 start = ktime_get_ns();
	unsigned long addr;

	while (ops--) {
		addr = bench_genalloc_alloc(row->genalloc, row->pages);
		if (addr)
			bench_genalloc_free(row->genalloc, addr, row->pages);
	}
	return ktime_get_ns() - start;
}

/* Slot 0 is not used by what the pool holds. */
static u64 time_drm_pairs(struct bench_row *row, unsigned int ops)
{
	u64 start = ktime_get_ns();

	while (ops--)
		if (bench_drm_alloc(row->drm, 0, row->pages))
			bench_drm_free(row->drm, 0);
	return ktime_get_ns() - start;
}

static const bench_time_fn pair_times[BENCH_COLUMNS] = {
	time_ours_pairs, time_mainline_pairs, time_best_pairs, time_floor,
};

static const bench_time_fn peer_times[BENCH_COLUMNS] = {
	time_ours_pairs, time_mainline_pairs, time_best_pairs, time_floor,
	time_genalloc_pairs, time_drm_pairs,
};

/* Mainline knows no limit: it would meet the request. */
static const bench_time_fn limited_times[BENCH_COLUMNS] = {
	time_ours_pairs, NULL, time_best_pairs, time_floor,
};

/* With what the device side counts under the same lock; best is without. */

static struct dma_coherent_stats stats;

static u64 time_counted_pairs(struct bench_row *row, unsigned int ops)
{
	u64 start = ktime_get_ns();
	unsigned long flags;
	long page;

	while (ops--) {
		raw_spin_lock_irqsave(&bench_lock, flags);
		page = dma_coherent_pool_alloc(row->ours, row->pages, row->limit);
		stats.allocs++;
		stats.high_water = max(stats.high_water, row->ours->used_pages);
		raw_spin_unlock_irqrestore(&bench_lock, flags);

		raw_spin_lock_irqsave(&bench_lock, flags);
		dma_coherent_pool_free(row->ours, page);
		stats.frees[DMA_COHERENT_FREE_GOOD]++;
		raw_spin_unlock_irqrestore(&bench_lock, flags);
	}
	return ktime_get_ns() - start;
}

static const bench_time_fn counted_times[BENCH_COLUMNS] = {
	time_counted_pairs, NULL, time_ours_pairs, time_floor,
};

/* Requests alone; what they got is given back when the time has been taken. */

static u64 time_ours_allocs(struct bench_row *row, unsigned int ops)
{
	static long page[MAX_FILL_OPS];
	u64 start = ktime_get_ns();
	unsigned int n;

	for (n = 0; n < ops; n++)
		page[n] = ours_alloc(row);
	start = ktime_get_ns() - start;
	while (n--)
		ours_free(row, page[n]);
	return start;
}

static u64 time_mainline_allocs(struct bench_row *row, unsigned int ops)
{
	size_t bytes = row->pages << PAGE_SHIFT;
	static void *addr[MAX_FILL_OPS];
	u64 start = ktime_get_ns();
	unsigned int n;

	for (n = 0; n < ops; n++)
		addr[n] = bench_mainline_alloc(row->mainline, bytes);
	start = ktime_get_ns() - start;
	while (n--)
		bench_mainline_free(row->mainline, bytes, addr[n]);
	return start;
}

/* Its pool would not be empty any more: what is best here includes a release. */
static const bench_time_fn alloc_times[BENCH_COLUMNS] = {
	time_ours_allocs, time_mainline_allocs, time_best_pairs, time_floor,
};

/*
 * One batch: as many operations at once as take BATCH_NS, which the first call
 * finds out; where a row's limit on them comes first, several times as many.
 */
static void sample_column(struct bench_row *row, enum bench_column column)
{
	struct bench_cell *cell = &row->column[column];
	u64 ns, ops;

	for (;;) {
		ns = row->time[column](row, cell->ops);
		if (ns >= BATCH_NS || cell->ops == cell->max_ops)
			break;
		cell->ops = min(cell->ops * 2, cell->max_ops);
	}
	for (ops = cell->ops; ns < BATCH_NS; ops += cell->ops)
		ns += row->time[column](row, cell->ops);
	cell->least = min(cell->least, div64_u64(ns * 1000, ops));
}

static void sample_row(struct bench_row *row)
{
	unsigned int n, column;

	for (n = 0; n < SAMPLES; n++)
		for (column = 0; column < BENCH_COLUMNS; column++)
			if (row->time[column])
				sample_column(row, column);
	cond_resched();
}

static void reset_columns(struct bench_row *row, unsigned int max_ops)
{
	unsigned int column;

	for (column = 0; column < BENCH_COLUMNS; column++)
		row->column[column] = (struct bench_cell) {
			.ops = 1, .max_ops = max_ops, .least = BENCH_NONE,
		};
}

/* What a pool holds while a row is timed */

static unsigned long list_free_units(const struct bench_row *row,
				     unsigned long units, u32 *list)
{
	unsigned long n, count = 0;

	for (n = 0; n < units; n++) {
		bool is_free = true;

		if (row->state == CHECKERBOARD)
			is_free = n % 2;
		else if (row->state == ODD_PAIRS)
			is_free = n % 4 == 1 || n % 4 == 2;
		else if (row->state == OUT_OF_REACH)
			is_free = n >= row->limit;
		if (is_free)
			list[count++] = n;
	}
	return count;
}

void bench_shuffle(u32 *list, unsigned long count)
{
	struct rnd_state rnd;
	unsigned long n, other;

	bench_seed(&rnd, 1);
	for (n = count; n > 1; n--) {
		other = bench_below(&rnd, n);
		swap(list[n - 1], list[other]);
	}
}

/* Which units to free in a full pool, in which order. */
static unsigned long choose_free_units(const struct bench_row *row,
				       unsigned long units, u32 *list)
{
	unsigned long count = list_free_units(row, units, list);

	if (row->state == HELD && row->percent == 100 && !row->refused) {
		list[0] = units / 2;
		return 1;
	}
	bench_shuffle(list, count);
	if (row->state == HELD)
		return div_u64((u64)count * (100 - row->percent), 100);
	if (row->state == OUT_OF_REACH)
		return count / 2;
	return count;
}

/* The peers hold the same units as mainline. */
static void make_peers_state(struct bench_row *row)
{
	const unsigned long *bitmap = bench_mainline_bitmap(row->mainline);
	unsigned long page;

	for (page = 0; page + row->pages <= row->pool_pages; page += row->pages) {
		if (!test_bit(page, bitmap))
			continue;
		if (!bench_genalloc_take(row->genalloc, page, row->pages) ||
		    !bench_drm_take(row->drm, 1 + page / row->pages, page, row->pages))
			pr_err("%s: a peer can't hold a unit\n", row->name);
	}
}

/* Both pools are filled, and the same units of both are freed. */
static int make_state(struct bench_row *row)
{
	unsigned long unit = row->state == HELD ? row->pages : 1;
	unsigned long units = row->pool_pages / unit, count, n;
	unsigned long *bitmap = bench_mainline_bitmap(row->mainline);
	u32 *list = kvmalloc_array(units, sizeof(*list), GFP_KERNEL);

	if (!list)
		return -ENOMEM;
	bitmap_set(bitmap, 0, row->pool_pages);
	for (n = 0; n < units; n++)
		if (dma_coherent_pool_alloc(row->ours, unit, ULONG_MAX) < 0)
			pr_err("%s: the pool is full too early\n", row->name);
	count = choose_free_units(row, units, list);
	for (n = 0; n < count; n++) {
		bitmap_clear(bitmap, list[n] * unit, unit);
		if (dma_coherent_pool_free(row->ours, list[n] * unit) != unit)
			pr_err("%s: a unit is not an allocation\n", row->name);
	}
	kvfree(list);
	if (row->genalloc)
		make_peers_state(row);
	return 0;
}

static void check_peers(struct bench_row *row)
{
	unsigned long addr = bench_genalloc_alloc(row->genalloc, row->pages);

	if (addr)
		bench_genalloc_free(row->genalloc, addr, row->pages);
	if (!addr || !bench_drm_alloc(row->drm, 0, row->pages)) {
		pr_err("%s: a peer's answer differs\n", row->name);
		return;
	}
	bench_drm_free(row->drm, 0);
}

/* Mainline's answer must be the same, except that it knows no limit. */
static void check_answer(struct bench_row *row)
{
	size_t bytes = row->pages << PAGE_SHIFT;
	long page = ours_alloc(row);
	bool refused = page < 0;
	void *addr;

	if (refused != row->refused)
		pr_err("%s: answer is %ld\n", row->name, page);
	if (!refused)
		ours_free(row, page);
	if (row->genalloc)
		check_peers(row);
	if (!row->time[BENCH_MAINLINE])
		return;
	addr = bench_mainline_alloc(row->mainline, bytes);
	if (!addr != row->refused)
		pr_err("%s: mainline's answer is %p\n", row->name, addr);
	if (addr)
		bench_mainline_free(row->mainline, bytes, addr);
}

static void destroy_row(struct bench_row *row)
{
	if (row->ours)
		bench_pool_destroy(row->ours);
	if (row->mainline)
		bench_mainline_destroy(row->mainline);
	if (row->empty)
		bench_mainline_destroy(row->empty);
	if (row->genalloc)
		bench_genalloc_destroy(row->genalloc);
	if (row->drm)
		bench_drm_destroy(row->drm);
	row->ours = NULL;
	row->mainline = NULL;
	row->empty = NULL;
	row->genalloc = NULL;
	row->drm = NULL;
}

static bool create_peers(struct bench_row *row)
{
	row->genalloc = bench_genalloc_create(row->pool_pages, BENCH_ALIGN_ORDER);
	row->drm = bench_drm_create(row->pool_pages, BENCH_ALIGN_ORDER,
				    1 + row->pool_pages / row->pages);
	return row->genalloc && row->drm;
}

static int create_row(struct bench_row *row)
{
	if (!row->limit)
		row->limit = ULONG_MAX;
	row->ours = bench_pool_create(row->pool_pages, BENCH_ALIGN_ORDER);
	row->mainline = bench_mainline_create(row->pool_pages, NULL);
	row->empty = bench_mainline_create(row->pool_pages, NULL);
	if (row->ours && row->mainline && row->empty &&
	    (!row->time[BENCH_GENALLOC] || create_peers(row)))
		return 0;
	destroy_row(row);
	return -ENOMEM;
}

void bench_bytes_name(char *buf, size_t size, u64 bytes)
{
	if (bytes >= SZ_1G)
		snprintf(buf, size, "%lluGiB", bytes >> 30);
	else if (bytes >= SZ_1M)
		snprintf(buf, size, "%lluMiB", bytes >> 20);
	else
		snprintf(buf, size, "%lluKiB", bytes >> 10);
}

/* Add a row about requests of @bytes to a pool of @pool_bytes. */
static int add_row(struct bench_row row, u64 pool_bytes, u64 bytes,
		   const char *suffix)
{
	char pool_name[16], request_name[16];
	int ret;

	if (WARN_ON(row_count == MAX_ROWS))
		return -ENOSPC;
	bench_bytes_name(pool_name, sizeof(pool_name), pool_bytes);
	bench_bytes_name(request_name, sizeof(request_name), bytes);
	snprintf(row.name, sizeof(row.name), "%s/%s%s", pool_name,
		 request_name, suffix);
	if (!bench_wanted(row.name))
		return 0;
	row.pool_pages = pool_bytes >> PAGE_SHIFT;
	row.pages = bytes >> PAGE_SHIFT;
	if (!row.time)
		row.time = row.limit ? limited_times : pair_times;
	ret = create_row(&row) ?: make_state(&row);
	if (ret)
		return ret;
	check_answer(&row);
	reset_columns(&row, MAX_OPS);
	rows[row_count++] = row;
	return 0;
}

static int add_held_row(struct bench_row row, u64 pool_bytes, u64 bytes,
			unsigned int percent)
{
	char suffix[8];

	row.percent = percent;
	snprintf(suffix, sizeof(suffix), "@%u%%", percent);
	return add_row(row, pool_bytes, bytes, suffix);
}

static int add_pair_rows(void)
{
	struct bench_row counted = { .benchmark = "pair_stats", .time = counted_times };
	struct bench_row buffer = { .benchmark = "buffer_4GiB" };
	struct bench_row pair = { .benchmark = "pair", .time = peer_times };
	static const unsigned int percents[] = { 0, 50, 90, 99, 100 };
	static const u32 sizes[] = { SZ_4K, SZ_64K, SZ_1M };
	unsigned int i, n;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (n = 0; n < ARRAY_SIZE(percents) && !ret; n++)
			ret = add_held_row(pair, SZ_1G, sizes[i], percents[n]);
	ret = ret ?: add_held_row(counted, SZ_1G, SZ_4K, 0);
	ret = ret ?: add_held_row(counted, SZ_1G, SZ_4K, 50);
	return ret ?: add_row(buffer, 16ULL * SZ_1G, 4ULL * SZ_1G, "");
}

static int add_refused_rows(void)
{
	struct bench_row row = { .benchmark = "refused", .refused = true };
	int ret;

	row.percent = 100;
	ret = add_row(row, SZ_1G, SZ_4K, ",full");
	row.state = CHECKERBOARD;
	ret = ret ?: add_row(row, SZ_1G, SZ_8K, ",checkerboard");
	row.state = ODD_PAIRS;
	ret = ret ?: add_row(row, SZ_1G, SZ_8K, ",odd-pairs");
	row.state = OUT_OF_REACH;
	row.limit = SZ_512M >> PAGE_SHIFT;
	return ret ?: add_row(row, SZ_1G, SZ_4K, ",out-of-reach");
}

static int add_scaling_rows(void)
{
	static const u64 sizes[] = { SZ_16M, SZ_256M, SZ_1G, 16ULL * SZ_1G };
	struct bench_row board = { .benchmark = "scaling", .refused = true,
				   .state = CHECKERBOARD };
	struct bench_row held = { .benchmark = "scaling" };
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && !ret; i++)
		ret = add_held_row(held, sizes[i], SZ_4K, 0) ?:
		      add_held_row(held, sizes[i], SZ_4K, 50) ?:
		      add_held_row(held, sizes[i], SZ_4K, 99) ?:
		      add_row(board, sizes[i], SZ_8K, ",checkerboard");
	return ret;
}

static void print_row(const struct bench_row *row)
{
	u64 value[BENCH_COLUMNS];
	unsigned int column;

	for (column = 0; column < BENCH_COLUMNS; column++)
		value[column] = row->column[column].least;
	bench_print(row->benchmark, row->name, value, "ns");
}

/*
 * Filling a pool page by page. Mainline takes minutes for 1 GiB: its time is
 * taken at some points on the way instead, with the pages before it marked in
 * its bitmap, and so is ours. The last point is where the last 1 % begins.
 */

struct bench_fill {
	struct bench_row row;
	u64 least[FILL_POINTS + 1][BENCH_COLUMNS];
};

static struct bench_fill fills[4];
static unsigned int fill_count;

static void create_fill(struct bench_fill *fill, u64 pool_bytes)
{
	fill->row.pool_pages = pool_bytes >> PAGE_SHIFT;
	fill->row.pages = 1;
	fill->row.time = alloc_times;
	bench_bytes_name(fill->row.name, sizeof(fill->row.name), pool_bytes);
	strlcat(fill->row.name, "/4KiB", sizeof(fill->row.name));
	memset(fill->least, 0xff, sizeof(fill->least));
}

static unsigned long fill_point(const struct bench_fill *fill, unsigned int n)
{
	unsigned long pages = fill->row.pool_pages;

	if (n == FILL_POINTS)
		return pages - pages / 100;
	return pages * (2 * n + 1) / (2 * FILL_POINTS);
}

/* Once from empty to full. */
static int sample_fill(struct bench_fill *fill)
{
	struct bench_row *row = &fill->row;
	unsigned long page = 0, point;
	unsigned int n, column;

	if (create_row(row))
		return -ENOMEM;
	for (n = 0; n <= FILL_POINTS; n++) {
		point = fill_point(fill, n);
		for (; page < point; page++)
			ours_alloc(row);
		bitmap_set(bench_mainline_bitmap(row->mainline), 0, point);
		reset_columns(row, min(row->pool_pages / 100, MAX_FILL_OPS));
		sample_row(row);
		for (column = 0; column < BENCH_COLUMNS; column++)
			fill->least[n][column] = min(fill->least[n][column],
						     row->column[column].least);
	}
	destroy_row(row);
	return 0;
}

static void print_fill(const struct bench_fill *fill)
{
	u64 mean[BENCH_COLUMNS] = { };
	unsigned int n, column;

	for (column = 0; column < BENCH_COLUMNS; column++) {
		if (!fill->row.time[column]) {
			mean[column] = BENCH_NONE;
			continue;
		}
		for (n = 0; n < FILL_POINTS; n++)
			mean[column] += fill->least[n][column];
		mean[column] = div_u64(mean[column], FILL_POINTS);
	}
	bench_print("fill_mean", fill->row.name, mean, "ns");
	bench_print("fill_last", fill->row.name, fill->least[FILL_POINTS], "ns");
}

/* All arrays of a pool are one allocation, and @bin is the last of them. */
static size_t metadata_bytes(const struct dma_coherent_pool *pool)
{
	return (void *)(pool->bin + BITS_TO_LONGS(pool->pages)) - pool->mem;
}

/* The bitmaps in struct dma_coherent_clean: of pages, and of blocks of 16. */
static size_t clean_bytes(const struct dma_coherent_pool *pool)
{
	return (BITS_TO_LONGS(pool->pages) +
		BITS_TO_LONGS(DIV_ROUND_UP(pool->pages, 16))) * sizeof(long);
}

/* Bits per page. */
static void bench_metadata(void)
{
	static const u64 sizes[] = { SZ_16M, SZ_256M, SZ_1G, 16ULL * SZ_1G };
	u64 buffer[BENCH_COLUMNS] = {};
	u64 value[BENCH_COLUMNS] = BENCH_NO_VALUES;
	struct dma_coherent_pool *pool;
	char name[16];
	unsigned int n;

	value[BENCH_MAINLINE] = 1000;
	value[BENCH_GENALLOC] = 1000;
	for (n = 0; n < ARRAY_SIZE(sizes); n++) {
		pool = bench_pool_create(sizes[n] >> PAGE_SHIFT, BENCH_ALIGN_ORDER);
		if (!pool)
			return;
		value[BENCH_OURS] = div64_u64(metadata_bytes(pool) * 8000,
					      sizes[n] >> PAGE_SHIFT);
		bench_bytes_name(name, sizeof(name), sizes[n]);
		bench_print("metadata", name, value, "bits_per_page");
		value[BENCH_OURS] += div64_u64(clean_bytes(pool) * 8000, pool->pages);
		bench_print("metadata_clean", name, value, "bits_per_page");
		bench_pool_destroy(pool);
	}
	buffer[BENCH_BEST] = BENCH_NONE;
	buffer[BENCH_FLOOR] = BENCH_NONE;
	buffer[BENCH_DRM] = bench_drm_node_bytes() * 1000;
	bench_print("metadata_buffer", "any", buffer, "bytes");
}

static int bench_time(void)
{
	static const u64 fill_sizes[] = { SZ_16M, SZ_64M, SZ_256M, SZ_1G };
	unsigned int n, pass;
	int ret;

	floor_bits = kvcalloc(BITS_TO_LONGS(SZ_1M), sizeof(long), GFP_KERNEL);
	if (!floor_bits)
		return -ENOMEM;
	ret = add_pair_rows() ?: add_refused_rows() ?: add_scaling_rows();
	for (n = 0; n < ARRAY_SIZE(fill_sizes) && !ret && !only; n++)
		create_fill(&fills[fill_count++], fill_sizes[n]);
	for (pass = 0; pass < passes && !ret; pass++) {
		for (n = 0; n < row_count; n++)
			sample_row(&rows[n]);
		for (n = 0; n < fill_count && !ret; n++)
			ret = sample_fill(&fills[n]);
	}
	for (n = 0; n < fill_count; n++)
		print_fill(&fills[n]);
	for (n = 0; n < row_count; n++) {
		print_row(&rows[n]);
		destroy_row(&rows[n]);
	}
	kvfree(floor_bits);
	return ret;
}

static int __init bench_init(void)
{
	int ret;

	if (!passes)
		return 0;
	pr_info("dma_coherent_bench: begin\n");
	ret = irqs_off ? 0 : bench_time();
	ret = ret ?: bench_hooks(passes, irqs_off);
	if (!only && !irqs_off) {
		bench_churn(seeds);
		bench_metadata();
	}
	pr_info("dma_coherent_bench: end %d\n", ret);
	kernel_power_off();
	return 0;
}
late_initcall(bench_init);
