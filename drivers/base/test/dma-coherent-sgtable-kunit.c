// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: scatter lists
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-coherent-sgtable.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "../dma-coherent-sgtable.h"
#include "dma-coherent-fixture.h"

static void sgtable_is_the_buffer(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct sg_table sgt;
	dma_addr_t handle;
	void *vaddr;
	int ret = 1;

	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	fx_alloc(test, fx->dev, 1);
	vaddr = dma_alloc_coherent(fx->dev, 3 * PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, dma_get_sgtable(fx->dev, &sgt, vaddr, handle, 2 * PAGE_SIZE + 1), 0);
	KUNIT_EXPECT_EQ(test, sgt.nents, 1);
	KUNIT_EXPECT_EQ(test, sg_phys(sgt.sgl), fx->bank[0].base + (vaddr - fx->bank[0].mem));
	KUNIT_EXPECT_EQ(test, sgt.sgl->length, 3 * PAGE_SIZE);
	sg_free_table(&sgt);

	KUNIT_EXPECT_EQ(test, dma_get_sgtable(fx->dev, &sgt, vaddr, handle, 3 * PAGE_SIZE + 1),
			-ENXIO);
	KUNIT_EXPECT_EQ(test, dma_get_sgtable(fx->dev, &sgt, vaddr, handle, 0), -ENXIO);
	KUNIT_EXPECT_EQ(test, dma_get_sgtable(fx->dev, &sgt, vaddr, handle, SIZE_MAX), -ENXIO);
	KUNIT_EXPECT_EQ(test, dma_get_sgtable(fx->dev, &sgt, vaddr + 8, handle, 8), -ENXIO);
	dma_free_coherent(fx->dev, 3 * PAGE_SIZE, vaddr, handle);
	KUNIT_EXPECT_EQ(test, dma_get_sgtable(fx->dev, &sgt, vaddr, handle, 8), -ENXIO);
	KUNIT_EXPECT_EQ(test, dma_get_sgtable_from_coherent(fx->other, &sgt, vaddr, 8, &ret), 0);
	KUNIT_EXPECT_EQ(test, ret, 1);
}

static void sgtable_that_cannot_be_allocated(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct sg_table sgt;
	int err, ret = 1;
	void *vaddr;

	fx_need_failslab(test);
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &fx->bank[0]), 0);
	vaddr = fx_alloc(test, fx->dev, 1);
	fx_failslab_arm(1);
	err = dma_get_sgtable_from_coherent(fx->dev, &sgt, vaddr, PAGE_SIZE, &ret);
	KUNIT_EXPECT_TRUE(test, fx_failslab_disarm());
	KUNIT_EXPECT_EQ(test, err, 1);
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
}

#if defined(CONFIG_64BIT) && !defined(CONFIG_SPARSEMEM)

static bool has_pages_stub(unsigned long pfn, unsigned long pages)
{
	return true;
}

/* The buffer needs more than one entry. Its pages are not touched. */
static void sgtable_above_4g(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct scatterlist *sg;
	struct sg_table sgt;
	u64 next = 2UL * SZ_4G;
	unsigned int i;
	int ret = 1;

	fx_fill_5g(test, fx->bank[0].mem, 4);
	kunit_activate_static_stub(test, dma_coherent_has_pages, has_pages_stub);
	KUNIT_EXPECT_EQ(test, dma_get_sgtable_from_coherent(fx->dev, &sgt, fx->bank[0].mem,
							    PFN_PHYS(BEHIND_5G), &ret), 1);
	KUNIT_ASSERT_EQ(test, ret, 0);
	for_each_sgtable_sg(&sgt, sg, i) {
		KUNIT_EXPECT_EQ_MSG(test, sg_phys(sg), next, "entry %u", i);
		next += sg->length;
	}
	KUNIT_EXPECT_EQ(test, next, 2UL * SZ_4G + PFN_PHYS(BEHIND_5G));
	sg_free_table(&sgt);

	/* As much as one entry holds. */
	KUNIT_EXPECT_EQ(test, dma_get_sgtable_from_coherent(fx->dev, &sgt, fx->bank[0].mem,
							    SZ_4G - PAGE_SIZE, &ret), 1);
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, sgt.orig_nents, 1);
	sg_free_table(&sgt);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, 4, fx->bank[0].mem + 5UL * SZ_1G), 1);
	KUNIT_EXPECT_EQ(test, fx_free(fx->dev, BEHIND_5G, fx->bank[0].mem), 1);
}

#else

static void sgtable_above_4g(struct kunit *test)
{
	kunit_skip(test, "only where addresses have 64 bits and pages are an array");
}

#endif

static void memory_without_struct_pages_has_no_sgtable(struct kunit *test)
{
	phys_addr_t far = (phys_addr_t)1 << (sizeof(far) == 8 ? 45 : 31);
	struct bank *bank = fx_add_bank_at(test, 4, far);
	struct fixture *fx = test->priv;
	struct sg_table sgt;
	dma_addr_t handle;
	void *vaddr;

	if (pfn_valid(PHYS_PFN(far)))
		kunit_skip(test, "there is memory everywhere");
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, bank), 0);
	vaddr = dma_alloc_coherent(fx->dev, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vaddr);
	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, dma_get_sgtable(fx->dev, &sgt, vaddr, handle, PAGE_SIZE), -ENXIO);
	fx_expect_message(test, "%s: region %s has no struct pages, cannot make a scatter list: %d",
			  dev_name(fx->dev), fx_region(fx->dev)->name, -ENXIO);
	fx_expect_no_message(test);
	dma_free_coherent(fx->dev, PAGE_SIZE, vaddr, handle);
}

static struct kunit_case dma_coherent_sgtable_cases[] = {
	KUNIT_CASE(sgtable_is_the_buffer),
	KUNIT_CASE(sgtable_that_cannot_be_allocated),
	KUNIT_CASE(sgtable_above_4g),
	KUNIT_CASE(memory_without_struct_pages_has_no_sgtable),
	{}
};

static struct kunit_suite dma_coherent_sgtable_suite = {
	.name = "dma_coherent_sgtable",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_sgtable_cases,
};

kunit_test_suite(dma_coherent_sgtable_suite);

MODULE_DESCRIPTION("KUnit tests for scatter lists of per-device coherent memory");
MODULE_LICENSE("GPL");
