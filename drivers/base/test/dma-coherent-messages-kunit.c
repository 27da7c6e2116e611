// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for what per-device coherent memory tells people
 *
 * Nobody but people reads these messages, but people have nothing else. Each test
 * does one thing, and looks at all that was said since.
 *
 * The suite comes before the others: some messages are rate-limited, whatever
 * device they are about.
 */

#include <kunit/device.h>
#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../dma-coherent.h"
#include "dma-coherent-drain.h"
#include "dma-coherent-log.h"

#define PAGES		8
#define HANDLE		((dma_addr_t)0x40000000)

/* The long ones */
#define NOT_WHOLE							\
	"%s: region %s (%pa bytes at %pa) is not whole pages, the rest is not used"
#define BEYOND_REACH							\
	"%s: region %s at %pad is beyond the device's reach, it is used all the same"
#define WITHOUT_ADDRESS							\
	"%s: region vram (%pa bytes at %pa) begins in none of the device's dma-ranges: %d"
#define NOT_USED							\
	"%s: region %s at %pad is beyond the device's reach, it is not used"
#define PAGES_REFUSED							\
	"%s: pool %s: %lu pages refused, %s (%lu of %d are free, at most %lu can be had at once)"
#define MAPPING_REFUSED							\
	"%s: pool %s: mapping of %lu pages at offset %lu refused, from page %lu on %lu can be mapped: %d"
#define BAD_RELEASE							\
	"%s: pool %s: release of page %lu, order %d: %s (pages %lu to %lu are %s)"
#define NO_PAGES							\
	"%s: region %s has no struct pages, its buffers can't be put in a scatter list: %d"

/**
 * struct listener - what each test starts with
 * @dev: a device
 * @other: another one
 * @mem: memory of PAGES pages
 * @base: the physical address that it pretends to have
 * @heard: up to where the log has been read
 */
struct listener {
	struct device *dev;
	struct device *other;
	void *mem;
	phys_addr_t base;
	struct kmsg_dump_iter heard;
};

static void *map_stub(phys_addr_t base, size_t size, const char **why)
{
	struct listener *ear = kunit_get_current_test()->priv;

	*why = "has no mapping";
	return base - ear->base < PAGES * PAGE_SIZE ? ear->mem + (base - ear->base) : NULL;
}

static void free_mem(void *mem)
{
	free_pages_exact(mem, PAGES * PAGE_SIZE);
}

static int listener_init(struct kunit *test)
{
	struct listener *ear = kunit_kzalloc(test, sizeof(*ear), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ear);
	ear->mem = alloc_pages_exact(PAGES * PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ear->mem);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_mem, ear->mem), 0);
	/* Beyond what UML has, which may end up to 1 GiB behind what it was given. */
	ear->base = (phys_addr_t)SZ_2G + SZ_1G;
	ear->dev = kunit_device_register(test, "dev");
	ear->other = kunit_device_register(test, "other");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ear->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ear->other);
	kunit_activate_static_stub(test, dma_coherent_map, map_stub);
	test->priv = ear;
	log_start(test, &ear->heard);
	return 0;
}

static void listener_exit(struct kunit *test)
{
	struct listener *ear = test->priv;

	if (!ear)
		return;
	dma_coherent_drain(ear->dev);
	dma_coherent_device_release(ear->dev);
	dma_coherent_device_release(ear->other);
	dma_coherent_reap();
}

/* That, and no more, was said. */
static __printf(2, 3) void expect_said(struct kunit *test, const char *format, ...)
{
	static char line[512], want[512];
	struct listener *ear = test->priv;
	va_list args;

	va_start(args, format);
	vsnprintf(want, sizeof(want), format, args);
	va_end(args);
	KUNIT_EXPECT_STREQ(test, log_next(&ear->heard, line, sizeof(line)), want);
}

static bool was_said(struct kunit *test, const char *part)
{
	struct listener *ear = test->priv;
	static char line[512];

	return strstr(log_next(&ear->heard, line, sizeof(line)), part);
}

static void expect_silence(struct kunit *test)
{
	expect_said(test, "%s", "");
}

static int declare(struct listener *ear, unsigned long page, size_t size)
{
	return dma_declare_coherent_memory(ear->dev, ear->base + page * PAGE_SIZE,
					   HANDLE, size);
}

static void *take(struct kunit *test, unsigned long pages)
{
	struct listener *ear = test->priv;
	dma_addr_t handle;
	void *vaddr = NULL;

	dma_alloc_from_coherent(ear->dev, pages * PAGE_SIZE, &handle, &vaddr);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	return vaddr;
}

static void refuse(struct listener *ear, ssize_t size)
{
	dma_addr_t handle;
	void *vaddr;

	dma_alloc_from_coherent(ear->dev, size, &handle, &vaddr);
}

/* What a region that was declared is called. */
static const char *region_name(struct kunit *test, phys_addr_t base, size_t size)
{
	char *name = kunit_kmalloc(test, 64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, name);
	snprintf(name, 64, "declared@%llx+%zx", (u64)base, size);
	return name;
}

/* Regions */

static void good_ones_are_quiet(struct kunit *test)
{
	struct listener *ear = test->priv;

	KUNIT_ASSERT_EQ(test, declare(ear, 0, PAGES * PAGE_SIZE), 0);
	dma_release_from_coherent(ear->dev, 1, take(test, 2));
	dma_release_coherent_memory(ear->dev);
	expect_silence(test);
}

static void expect_refused(struct kunit *test, struct device *dev, phys_addr_t base,
			   phys_addr_t size, const char *why, int err)
{
	expect_said(test, "%s: region %s (%pa bytes at %pa) %s: %d", dev_name(dev),
		    region_name(test, base, size), &size, &base, why, err);
	expect_silence(test);
}

static void bad_region_is_refused(struct kunit *test)
{
	struct listener *ear = test->priv;

	declare(ear, 0, 0);
	expect_refused(test, ear->dev, ear->base, 0, "is empty", -EINVAL);
	declare(ear, 0, 100);
	expect_refused(test, ear->dev, ear->base, 100, "has no whole page", -EINVAL);
	dma_declare_coherent_memory(ear->dev, -(phys_addr_t)PAGE_SIZE, 0, 2 * PAGE_SIZE);
	expect_refused(test, ear->dev, -(phys_addr_t)PAGE_SIZE, 2 * PAGE_SIZE, "wraps around",
		       -EINVAL);
	dma_declare_coherent_memory_flags(ear->dev, ear->base, 0, PAGE_SIZE, ~0);
	expect_refused(test, ear->dev, ear->base, PAGE_SIZE, "has an unknown flag", -EINVAL);
	declare(ear, PAGES, PAGE_SIZE);
	expect_refused(test, ear->dev, ear->base + PAGES * PAGE_SIZE, PAGE_SIZE,
		       "has no mapping", -EINVAL);
	/* There is nothing to name. */
	dma_declare_coherent_memory(NULL, ear->base, 0, PAGE_SIZE);
	expect_silence(test);
}

static void region_of_the_device_is_busy(struct kunit *test)
{
	struct listener *ear = test->priv;

	KUNIT_ASSERT_EQ(test, declare(ear, 0, 2 * PAGE_SIZE), 0);
	declare(ear, 0, 2 * PAGE_SIZE);
	expect_refused(test, ear->dev, ear->base, 2 * PAGE_SIZE, "is attached to it already",
		       -EBUSY);
	declare(ear, 1, 2 * PAGE_SIZE);
	expect_refused(test, ear->dev, ear->base + PAGE_SIZE, 2 * PAGE_SIZE,
		       "overlaps another one of it", -EBUSY);
	declare(ear, 4, 2 * PAGE_SIZE);
	expect_refused(test, ear->dev, ear->base + 4 * PAGE_SIZE, 2 * PAGE_SIZE,
		       "has device addresses of another one of it", -EBUSY);
}

static void shared_memory_is_told(struct kunit *test)
{
	struct listener *ear = test->priv;
	phys_addr_t inner = ear->base + PAGE_SIZE;

	KUNIT_ASSERT_EQ(test, declare(ear, 0, 4 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, dma_declare_coherent_memory(ear->other, inner, HANDLE, 2 * PAGE_SIZE),
			0);
	expect_said(test, "%s: region %s shares memory with %s, which may hand it out too",
		    dev_name(ear->other), region_name(test, inner, 2 * PAGE_SIZE),
		    region_name(test, ear->base, 4 * PAGE_SIZE));
	dma_release_coherent_memory(ear->other);

	/* Not where it is a buffer. */
	take(test, 4);
	KUNIT_EXPECT_EQ(test, dma_declare_coherent_memory(ear->other, inner, HANDLE, 2 * PAGE_SIZE),
			0);
	expect_silence(test);
}

static void odd_region_is_cut_down(struct kunit *test)
{
	struct listener *ear = test->priv;
	phys_addr_t size = PAGE_SIZE + 1;

	KUNIT_EXPECT_EQ(test, declare(ear, 0, size), 0);
	expect_said(test, NOT_WHOLE,
		    dev_name(ear->dev), region_name(test, ear->base, size), &size, &ear->base);
	expect_silence(test);
}

static void region_out_of_reach_is_told_once(struct kunit *test)
{
	struct listener *ear = test->priv;
	dma_addr_t handle = HANDLE;

	KUNIT_ASSERT_EQ(test, declare(ear, 0, 4 * PAGE_SIZE), 0);
	ear->dev->coherent_dma_mask = PAGE_SIZE - 1;
	take(test, 1);
	expect_said(test, BEYOND_REACH,
		    dev_name(ear->dev), region_name(test, ear->base, 4 * PAGE_SIZE), &handle);
	take(test, 1);
	expect_silence(test);
}

/* What may fall back, does. */
static void region_out_of_reach_that_falls_back_is_told_once(struct kunit *test)
{
	struct listener *ear = test->priv;
	dma_addr_t handle = HANDLE;

	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory_flags(ear->dev, ear->base, HANDLE,
								PAGE_SIZE, DMA_COHERENT_FALLBACK),
			0);
	ear->dev->coherent_dma_mask = PAGE_SIZE - 1;
	refuse(ear, 1);
	expect_said(test, NOT_USED, dev_name(ear->dev),
		    region_name(test, ear->base, PAGE_SIZE), &handle);
	refuse(ear, 1);
	expect_silence(test);
}

/* A region of firmware, on a bus that shows the device other memory. */
static void region_without_an_address_is_told(struct kunit *test)
{
	struct listener *ear = test->priv;
	struct dma_coherent_spec spec = {
		.name = "vram",
		.base = ear->base,
		.size = 2 * PAGE_SIZE,
		.source = DMA_COHERENT_FIRMWARE,
	};
	struct bus_dma_region *map;

	if (IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA))
		kunit_skip(test, "the architecture translates by itself");
	map = kcalloc(2, sizeof(*map), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, map);
	map->size = PAGE_SIZE;
	ear->dev->dma_range_map = map;
	KUNIT_EXPECT_EQ(test, dma_coherent_attach(ear->dev, &spec), -ENODEV);
	expect_said(test, WITHOUT_ADDRESS, dev_name(ear->dev), &spec.size, &ear->base, -ENODEV);
	KUNIT_EXPECT_NULL(test, ear->dev->dma_mem);
	map->cpu_start = ear->base;
	KUNIT_EXPECT_EQ(test, dma_coherent_attach(ear->dev, &spec), 0);
	dma_coherent_detach(ear->dev, DMA_COHERENT_FIRMWARE, spec.base, spec.size);
	expect_silence(test);
}

/* Scatter lists */

static bool no_pages(unsigned long pfn, unsigned long pages)
{
	return false;
}

static void memory_without_pages_has_no_list(struct kunit *test)
{
	struct listener *ear = test->priv;
	struct sg_table sgt;
	int ret = 0;

	KUNIT_ASSERT_EQ(test, declare(ear, 0, PAGE_SIZE), 0);
	kunit_activate_static_stub(test, dma_coherent_has_pages, no_pages);
	dma_get_sgtable_from_coherent(ear->dev, &sgt, take(test, 1), PAGE_SIZE, &ret);
	expect_said(test, NO_PAGES,
		    dev_name(ear->dev), region_name(test, ear->base, PAGE_SIZE), -ENXIO);
	expect_silence(test);
}

/* Requests */

static void expect_request(struct kunit *test, unsigned long pages, const char *why,
			   unsigned long free, unsigned long largest)
{
	struct listener *ear = test->priv;

	expect_said(test, PAGES_REFUSED,
		    dev_name(ear->dev), region_name(test, ear->base, PAGES * PAGE_SIZE), pages,
		    why, free, PAGES, largest);
	expect_silence(test);
}

static void refused_request_says_why(struct kunit *test)
{
	struct listener *ear = test->priv;
	void *first;

	KUNIT_ASSERT_EQ(test, declare(ear, 0, PAGES * PAGE_SIZE), 0);
	refuse(ear, 0);
	expect_request(test, 0, "no valid size", 8, 8);
	refuse(ear, 9 * PAGE_SIZE);
	expect_request(test, 9, "larger than the pool", 8, 8);

	first = take(test, 3);
	take(test, 1);
	dma_release_from_coherent(ear->dev, 2, first);
	refuse(ear, 6 * PAGE_SIZE);
	expect_request(test, 6, "the pool is fragmented", 7, 4);
	ear->dev->coherent_dma_mask = HANDLE + 3 * PAGE_SIZE - 1;
	refuse(ear, 4 * PAGE_SIZE);
	expect_request(test, 4, "what is free is out of the device's reach", 7, 4);
	ear->dev->coherent_dma_mask = 0;
	take(test, 4);
	take(test, 3);
	refuse(ear, 1);
	expect_request(test, 1, "the pool is full", 0, 0);
}

static void fallen_back_request_is_quiet(struct kunit *test)
{
	struct listener *ear = test->priv;

	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory_flags(ear->dev, ear->base, HANDLE,
								PAGE_SIZE, DMA_COHERENT_FALLBACK),
			0);
	refuse(ear, 2 * PAGE_SIZE);
	expect_silence(test);
}

/* Whoever has another way asks for silence, and it is counted all the same. */
static void expected_failure_is_quiet(struct kunit *test)
{
	struct listener *ear = test->priv;
	struct dma_coherent_region *region;
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(ear, 0, PAGES * PAGE_SIZE), 0);
	region = ear->dev->dma_mem->region;
	KUNIT_EXPECT_EQ(test, dma_alloc_from_coherent_attrs(ear->dev, 9 * PAGE_SIZE, &handle,
							    &vaddr, __GFP_NOWARN, 0), 1);
	KUNIT_EXPECT_EQ(test, dma_alloc_from_coherent_attrs(ear->dev, 9 * PAGE_SIZE, &handle,
							    &vaddr, 0, DMA_ATTR_NO_WARN), 1);
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(ear->dev, 9 * PAGE_SIZE, &handle,
						   GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, dma_alloc_attrs(ear->dev, 9 * PAGE_SIZE, &handle, GFP_KERNEL,
						DMA_ATTR_NO_WARN));
	expect_silence(test);
	KUNIT_EXPECT_EQ(test, region->stats.refusals[DMA_COHERENT_TOO_LARGE], 4);
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(ear->dev, 9 * PAGE_SIZE, &handle,
						   GFP_KERNEL));
	expect_request(test, 9, "larger than the pool", 8, 8);
}

/* The bus was told where it is only when the region was attached already. */
static void request_without_a_range_says_so(struct kunit *test)
{
	struct listener *ear = test->priv;
	const struct dma_coherent_spec spec = {
		.name = "vram",
		.base = ear->base,
		.size = 2 * PAGE_SIZE,
		.source = DMA_COHERENT_FIRMWARE,
	};
	struct bus_dma_region *map;

	if (IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA))
		kunit_skip(test, "the architecture translates by itself");
	KUNIT_ASSERT_EQ(test, dma_coherent_attach(ear->dev, &spec), 0);
	map = kcalloc(2, sizeof(*map), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, map);
	map->size = PAGE_SIZE;
	ear->dev->dma_range_map = map;
	refuse(ear, 1);
	expect_said(test, PAGES_REFUSED, dev_name(ear->dev), "vram", 1L,
		    "the region begins in none of the device's dma-ranges", 2L, 2, 0L);
	expect_silence(test);
	KUNIT_EXPECT_EQ(test, ear->dev->dma_mem->region->stats.refusals[DMA_COHERENT_OUT_OF_REACH],
			1);
}

/* Mappings */

static void refused_mapping_says_what_can_be_mapped(struct kunit *test)
{
	struct vm_area_struct vma = { .vm_end = 5 * PAGE_SIZE };
	struct listener *ear = test->priv;
	const char *name = region_name(test, ear->base, PAGES * PAGE_SIZE);
	void *vaddr;
	int ret = 0;

	KUNIT_ASSERT_EQ(test, declare(ear, 0, PAGES * PAGE_SIZE), 0);
	vaddr = take(test, 4);
	KUNIT_EXPECT_EQ(test, dma_mmap_from_coherent(ear->dev, &vma, vaddr, 8 * PAGE_SIZE, &ret),
			1);
	KUNIT_EXPECT_EQ(test, ret, -ENXIO);
	expect_said(test, MAPPING_REFUSED, dev_name(ear->dev), name, 5L, 0L, 0L, 4L, -ENXIO);
	/* DRM's offset that only looks like one. */
	vma.vm_end = PAGE_SIZE;
	vma.vm_pgoff = 0x100000;
	dma_mmap_from_coherent(ear->dev, &vma, vaddr, 2 * PAGE_SIZE, &ret);
	expect_said(test, MAPPING_REFUSED, dev_name(ear->dev), name, 1L, 0x100000L, 0L, 2L,
		    -ENXIO);
	vma.vm_pgoff = 0;
	dma_mmap_from_coherent(ear->dev, &vma, vaddr + 4 * PAGE_SIZE, PAGE_SIZE, &ret);
	expect_said(test, MAPPING_REFUSED, dev_name(ear->dev), name, 1L, 0L, 4L, 0L, -ENXIO);
	expect_silence(test);
}

/* Occupied ranges */

static void expect_range(struct kunit *test, const char *region, size_t size,
			 dma_addr_t addr, const char *why, int err)
{
	struct listener *ear = test->priv;

	expect_said(test, "%s: region %s: range of %zu bytes at %pad %s: %d",
		    dev_name(ear->dev), region, size, &addr, why, err);
	expect_silence(test);
}

static void bad_range_is_refused(struct kunit *test)
{
	struct listener *ear = test->priv;
	const char *name = region_name(test, ear->base, PAGES * PAGE_SIZE);

	KUNIT_ASSERT_EQ(test, declare(ear, 0, PAGES * PAGE_SIZE), 0);
	dma_mark_declared_memory_occupied(ear->dev, HANDLE + 7 * PAGE_SIZE, 2 * PAGE_SIZE);
	expect_range(test, name, 2 * PAGE_SIZE, HANDLE + 7 * PAGE_SIZE,
		     "is not inside it", -EINVAL);
	dma_mark_declared_memory_occupied(ear->dev, 0x1000, 8);
	expect_range(test, "none", 8, 0x1000, "is not inside it", -EINVAL);
	take(test, 1);
	dma_mark_declared_memory_occupied(ear->dev, HANDLE, 1);
	expect_range(test, name, 1, HANDLE, "is in use", -EBUSY);
	dma_unmark_declared_memory_occupied(ear->dev, HANDLE, 2 * PAGE_SIZE);
	expect_range(test, name, 2 * PAGE_SIZE, HANDLE, "is no occupied one", -EINVAL);
}

/* Releases */

static void expect_release(struct kunit *test, unsigned long page, int order,
			   const char *why, unsigned long first, unsigned long last,
			   const char *what)
{
	struct listener *ear = test->priv;

	expect_said(test, BAD_RELEASE,
		    dev_name(ear->dev), region_name(test, ear->base, PAGES * PAGE_SIZE), page,
		    order, why, first, last, what);
	expect_silence(test);
}

static void bad_release_says_what_is_there(struct kunit *test)
{
	struct listener *ear = test->priv;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(ear, 0, PAGES * PAGE_SIZE), 0);
	take(test, 1);
	vaddr = take(test, 2);
	dma_release_from_coherent(ear->dev, 0, vaddr + PAGE_SIZE);
	expect_release(test, 3, 0, "inside a buffer, refused", 2, 3, "one buffer");
	dma_release_from_coherent(ear->dev, 2, vaddr);
	expect_release(test, 2, 2, "wrong order, all of it is freed", 2, 3, "one buffer");
	dma_release_from_coherent(ear->dev, 1, vaddr);
	expect_release(test, 2, 1, "nothing is allocated there, refused", 1, 7, "free");
}

/* What one driver does wrong does not hide what another does. */
static void each_region_has_a_limit_of_its_own(struct kunit *test)
{
	struct listener *ear = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, declare(ear, 1, 2 * PAGE_SIZE), 0);
	/* So that it does not end in between. */
	ear->dev->dma_mem->region->misuses.interval = 3600 * HZ;
	for (i = 0; i < 100; i++)
		dma_release_from_coherent(ear->dev, 0, ear->mem + PAGE_SIZE);
	for (i = 0; i < DEFAULT_RATELIMIT_BURST; i++)
		KUNIT_EXPECT_TRUE(test, was_said(test, "nothing is allocated there"));
	expect_silence(test);
	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory(ear->other, ear->base, HANDLE, PAGE_SIZE),
			0);
	dma_release_from_coherent(ear->other, 0, ear->mem);
	KUNIT_EXPECT_TRUE(test, was_said(test, "nothing is allocated there"));
}

/* Requests that fail do not hide a bad release, nor the other way round. */
static void requests_and_misuses_have_limits_of_their_own(struct kunit *test)
{
	struct listener *ear = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, declare(ear, 0, PAGE_SIZE), 0);
	/* However long the test takes. */
	ear->dev->dma_mem->region->refusals.interval = 3600 * HZ;
	for (i = 0; i < 2 * DEFAULT_RATELIMIT_BURST; i++)
		refuse(ear, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, log_count(&ear->heard, "larger than the pool"),
			DEFAULT_RATELIMIT_BURST);
	dma_release_from_coherent(ear->dev, 0, ear->mem);
	KUNIT_EXPECT_EQ(test, log_count(&ear->heard, "nothing is allocated there"), 1);

	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory(ear->other, ear->base + PAGE_SIZE, HANDLE,
							  PAGE_SIZE), 0);
	ear->other->dma_mem->region->misuses.interval = 3600 * HZ;
	for (i = 0; i < 2 * DEFAULT_RATELIMIT_BURST; i++)
		dma_release_from_coherent(ear->other, 0, ear->mem + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, log_count(&ear->heard, "nothing is allocated there"),
			DEFAULT_RATELIMIT_BURST);
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(ear->other, 2 * PAGE_SIZE,
						   &(dma_addr_t){ 0 }, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, log_count(&ear->heard, "larger than the pool"), 1);
}

/* Lifetime */

static void detach_counts_what_is_out(struct kunit *test)
{
	struct listener *ear = test->priv;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(ear, 0, PAGES * PAGE_SIZE), 0);
	take(test, 1);
	vaddr = take(test, 1);
	dma_release_coherent_memory(ear->dev);
	expect_said(test, "%s: region %s detached with 2 buffers out, it stays until they are back",
		    dev_name(ear->dev), region_name(test, ear->base, PAGES * PAGE_SIZE));
	dma_release_from_coherent(ear->dev, 0, vaddr);
	expect_silence(test);
	dma_coherent_device_release(ear->dev);
	expect_said(test, "%s: gone with 1 buffers of region %s out, their pages are lost",
		    dev_name(ear->dev), region_name(test, ear->base, PAGES * PAGE_SIZE));
	expect_silence(test);

	/* The region would outlive its memory; whoever shares it can give them back. */
	KUNIT_EXPECT_EQ(test, dma_declare_coherent_memory(ear->other, ear->base, HANDLE,
							  PAGES * PAGE_SIZE), 0);
	dma_coherent_drain(ear->other);
}

static struct kunit_case dma_coherent_messages_cases[] = {
	KUNIT_CASE(good_ones_are_quiet),
	KUNIT_CASE(bad_region_is_refused),
	KUNIT_CASE(region_of_the_device_is_busy),
	KUNIT_CASE(shared_memory_is_told),
	KUNIT_CASE(odd_region_is_cut_down),
	KUNIT_CASE(region_out_of_reach_is_told_once),
	KUNIT_CASE(region_out_of_reach_that_falls_back_is_told_once),
	KUNIT_CASE(region_without_an_address_is_told),
	KUNIT_CASE(memory_without_pages_has_no_list),
	KUNIT_CASE(refused_request_says_why),
	KUNIT_CASE(expected_failure_is_quiet),
	KUNIT_CASE(request_without_a_range_says_so),
	KUNIT_CASE(refused_mapping_says_what_can_be_mapped),
	KUNIT_CASE(requests_and_misuses_have_limits_of_their_own),
	KUNIT_CASE(fallen_back_request_is_quiet),
	KUNIT_CASE(bad_release_says_what_is_there),
	KUNIT_CASE(bad_range_is_refused),
	KUNIT_CASE(each_region_has_a_limit_of_its_own),
	KUNIT_CASE(detach_counts_what_is_out),
	{}
};

static struct kunit_suite dma_coherent_messages_suite = {
	.name = "dma_coherent_messages",
	.init = listener_init,
	.exit = listener_exit,
	.test_cases = dma_coherent_messages_cases,
};

kunit_test_suite(dma_coherent_messages_suite);

MODULE_DESCRIPTION("KUnit tests for what per-device coherent memory tells people");
MODULE_LICENSE("GPL");
