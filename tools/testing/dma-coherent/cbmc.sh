#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Check pools of a few pages with the bounded model checker: every sequence of
# STEPS operations with any arguments.
#
#	cbmc.sh cbmc pool-directory

cbmc=$1 dir=$2
steps=${STEPS:-2}

# The loops that set a pool up go round once for each bit of a word.
loops=$($cbmc -I include -I "$dir" --show-loops cbmc.c 2>/dev/null |
	sed -n 's/^Loop \(dma_coherent_pool_init[.0-9]*\):$/\1:65/p' | paste -s -d ,)

for pages in 1 2 3 4; do
	for order in 0 1 2; do
		[ $((1 << order)) -le "$pages" ] || continue
		printf 'cbmc: %s pages, alignment order %s, %s steps: ' "$pages" "$order" "$steps"
		if said=$($cbmc -I include -I "$dir" --unwind 6 --unwindset "$loops" \
			"-DPAGES=$pages" "-DORDER=$order" "-DSTEPS=$steps" cbmc.c 2>&1); then
			echo "$said" | sed -n 's/^\*\* 0 of \([0-9]*\) failed.*/\1 properties hold/p'
		else
			echo FAILED
			echo "$said" | grep -E 'FAILURE|rror' | head -n 20
			exit 1
		fi
	done
done
