# SPDX-License-Identifier: GPL-2.0
#
# Reads build/bench/results.tsv and says for each figure that is asked for
# whether it is met: one line each, "ok" or "MISSED", with the worst case.

BEGIN { FS = "\t" }

NR == 1 { next }

{
	key = $1 " " $2
	ours[key] = $3
	mainline[key] = $4
	best[key] = $5
	genalloc[key] = $7
	drm[key] = $8
	seen[key] = 1
}

# say NAME: MET or not, and the figure
function verdict(met, what, figure)
{
	printf "%-6s  %-58s %s\n", met ? "ok" : "MISSED", what, figure
}

function need(key)
{
	if (!(key in seen) || ours[key] == "-") {
		verdict(0, key, "not measured")
		return 0
	}
	return 1
}

function faster(key, times,	ratio)
{
	if (!need(key))
		return
	ratio = mainline[key] / ours[key]
	verdict(ratio >= times, sprintf("%s: >= %d times faster", key, times),
		sprintf("%.0f times (%s against %s ns)", ratio, ours[key], mainline[key]))
}

# The worst ratio of cases to something; reset() first, then worse() for each.
function reset() { worst = -1; worst_case = "" }

function worse(ratio, name)
{
	if (ratio > worst) {
		worst = ratio
		worst_case = name
	}
}

function worst_verdict(most, what)
{
	verdict(worst >= 0 && worst <= most, what,
		sprintf("%.2f at %s", worst, worst_case))
}

function pairs(size,	n, i, p, key, empty)
{
	n = split("0 50 90 99 100", p, " ")
	empty = "pair 1GiB/" size "@0%"
	reset()
	for (i = 1; i <= n; i++) {
		key = "pair 1GiB/" size "@" p[i] "%"
		if (need(key))
			worse(ours[key] / best[key], p[i] "%")
	}
	worst_verdict(3, "pair " size ": <= 3 times best")
	reset()
	for (i = 1; i <= n; i++) {
		key = "pair 1GiB/" size "@" p[i] "%"
		if (key in seen)
			worse(ours[key] / ours[empty], p[i] "%")
	}
	worst_verdict(2, "pair " size ": <= 2 times its own at 0%")
}

function refusals(	n, i, c, key, base)
{
	n = split("1GiB/4KiB,full 1GiB/8KiB,checkerboard 1GiB/8KiB,odd-pairs 1GiB/4KiB,out-of-reach", c, " ")
	base = best["pair 1GiB/4KiB@0%"]
	reset()
	for (i = 1; i <= n; i++) {
		key = "refused " c[i]
		if (need(key))
			worse(ours[key] / base, c[i])
	}
	worst_verdict(3, "refused: <= 3 times best of the 4 KiB pair")
}

function scaling(suffix,	small, large)
{
	small = "scaling 16MiB/" suffix
	large = "scaling 16GiB/" suffix
	if (need(small) && need(large))
		verdict(ours[large] <= 2 * ours[small],
			"scaling " suffix ": 16 GiB <= twice 16 MiB",
			sprintf("%.2f times (%s against %s ns)",
				ours[large] / ours[small], ours[large], ours[small]))
}

function words(	small, large)
{
	small = "words_read_max 16MiB"
	large = "words_read_max 16GiB"
	if (need(small) && need(large))
		verdict(ours[large] <= 2 * ours[small],
			"words_read_max: 16 GiB <= twice 16 MiB",
			sprintf("%.2f times (%d against %d words)",
				ours[large] / ours[small], ours[large], ours[small]))
}

function fits(name, least)
{
	if (need("fits " name))
		verdict(ours["fits " name] >= least,
			sprintf("fits %s: %d", name, least),
			sprintf("%d (mainline %d)", ours["fits " name], mainline["fits " name]))
}

function churn_pooled(suffix, most,	n, i, mix, key, sum, theirs)
{
	n = split("display camera codec rings", mix, " ")
	for (i = 1; i <= n; i++) {
		key = "churn " mix[i] "@80%" suffix
		if (!need(key))
			return
		sum += ours[key]
		theirs += mainline[key]
	}
	verdict(sum <= most * theirs,
		sprintf("churn 80%%%s, pooled: <= %.2f of mainline's", suffix, most),
		sprintf("%.3f (%.1f against %.1f per mille)", sum / theirs, sum / n, theirs / n))
}

function churn_worst(	key)
{
	reset()
	worst = -1000
	for (key in seen)
		if (key ~ /^churn /)
			worse(ours[key] - mainline[key], substr(key, 7))
	verdict(worst_case != "" && worst <= 30,
		"churn: no mix more than 30 per mille worse than mainline",
		sprintf("%+.1f at %s", worst, worst_case))
}

function metadata(	key)
{
	reset()
	for (key in seen)
		if (key ~ /^metadata /)
			worse(ours[key], substr(key, 10))
	worst_verdict(4, "metadata: <= 4 bits per page")
	reset()
	for (key in seen)
		if (key ~ /^metadata_clean /)
			worse(ours[key], substr(key, 16))
	worst_verdict(5, "metadata_clean: <= 5 bits per page")
}

# The ratio of ours to mainline in the rows of a benchmark of a size and state.
function hooks(benchmark, size, state, most,	n, i, p, key)
{
	n = split("@0% @50% @90%", p, " ")
	reset()
	for (i = 1; i <= n; i++) {
		key = benchmark " 64MiB/" size p[i] "," state
		if (!need(key))
			return
		worse(ours[key] / mainline[key], p[i])
	}
	worst_verdict(most, sprintf("%s %s,%s: <= %s of mainline", benchmark, size,
				    state, most))
}

# The least of the ratios of mainline to ours.
function hooks_faster(size, times,	n, i, p, key)
{
	n = split("@0% @50% @90%", p, " ")
	reset()
	for (i = 1; i <= n; i++) {
		key = "hook_pair 64MiB/" size p[i] ",clean"
		if (!need(key))
			return
		worse(ours[key] / mainline[key], p[i])
	}
	verdict(worst * times <= 1,
		sprintf("hook_pair %s,clean: >= %d times faster", size, times),
		sprintf("%.0f times at %s", 1 / worst, worst_case))
}

function hook_rows(	n, i, size, state, key)
{
	n = split("4KiB 64KiB 1MiB 3110400B 8294400B", size, " ")
	hooks_faster("1MiB", 100)
	hooks_faster("3110400B", 300)
	hooks("hook_pair", "4KiB", "clean", 1)
	hooks("hook_pair", "64KiB", "clean", 1)
	for (i = 1; i <= n; i++) {
		hooks("hook_pair", size[i], "dirty", i == 1 ? 1.15 : 1.05)
		hooks("hook_pair", size[i], "first", i == 1 ? 1.15 : 1.05)
		hooks("hook_pair", size[i], "off", i == 1 ? 1.15 : 1.05)
		hooks("hook_pair", size[i], "without", i == 1 ? 1.15 : 1.05)
	}
	for (i = 2; i <= n; i++) {
		key = "hook_cpu 64MiB/" size[i]
		if (need(key))
			verdict(ours[key] <= 1.25 * mainline[key], key ": <= 1.25 of mainline",
				sprintf("%.2f", ours[key] / mainline[key]))
	}
	stated("hook_cpu 64MiB/4KiB")
	for (i = 1; i <= n; i++)
		hook_use(size[i])
	stated("clean_step_max 64MiB"); stated("clean_rate 64MiB")
	stated("irqs_off_max 64MiB/alloc"); stated("irqs_off_max 64MiB/release")
}

function hook_use(size,	n, i, p, key, text)
{
	n = split("@0% @50% @90%", p, " ")
	for (i = 1; i <= n; i++) {
		key = "hook_use 64MiB/" size p[i] ",clean"
		if (!need(key))
			return
		text = text sprintf("%s%.2f", i > 1 ? ", " : "", ours[key] / mainline[key])
	}
	verdict(1, "hook_use " size ",clean: measured", text " of mainline")
}

function stated(key)
{
	if (need(key))
		verdict(1, key ": measured", ours[key] " (mainline " mainline[key] ")")
}

function placement(	n, i, mix, key)
{
	n = split("display camera codec rings", mix, " ")
	reset()
	for (i = 1; i <= n; i++) {
		key = "placement 64MiB/" mix[i] "@80%"
		if (!need(key))
			return
		worse(ours[key], mix[i])
	}
	verdict(worst == 0, "placement: the same with and without cleaning",
		sprintf("%d steps differ at most", worst))
}

# Told, not asked for: where another allocator of the tree is ahead.
function peers(	key, n, ahead)
{
	for (key in seen) {
		if (key !~ /^churn / || genalloc[key] == "-")
			continue
		n++
		if (genalloc[key] < ours[key] || drm[key] < ours[key])
			ahead++
	}
	verdict(n > 0, "churn: genalloc and drm_mm measured",
		sprintf("one of them refuses less in %d of %d", ahead, n))
}

function text(name, most)
{
	if (need("text " name))
		verdict(ours["text " name] <= most,
			sprintf("text %s: <= %d bytes", name, most),
			sprintf("%d (mainline %d)", ours["text " name], mainline["text " name]))
}

function statistics(	n, i, p, key)
{
	n = split("0 50", p, " ")
	reset()
	for (i = 1; i <= n; i++) {
		key = "pair_stats 1GiB/4KiB@" p[i] "%"
		if (need(key))
			worse(ours[key] / best[key], p[i] "%")
	}
	worst_verdict(1.1, "pair_stats: <= 1.10 times the same without counting")
}

function buffer(	key)
{
	key = "buffer_4GiB 16GiB/4GiB"
	if (need(key))
		verdict(1, "a 4 GiB buffer, taken and given back: measured",
			sprintf("%.1f us under the lock (mainline %.1f us)",
				ours[key] / 1000, mainline[key] / 1000))
}

END {
	faster("fill_mean 256MiB/4KiB", 100)
	faster("fill_last 256MiB/4KiB", 300)
	faster("refused 1GiB/4KiB,full", 300)
	pairs("4KiB"); pairs("64KiB"); pairs("1MiB")
	statistics()
	refusals()
	scaling("4KiB@0%"); scaling("4KiB@50%"); scaling("4KiB@99%")
	scaling("8KiB,checkerboard")
	words()
	fits("256MiB/3110400B", 85)
	fits("256MiB/1052672B,limit=64KiB", 240)
	fits("256MiB/268435456B", 1)
	churn_pooled("", 0.6); churn_pooled(",limit=64KiB", 0.15)
	churn_worst()
	peers()
	placement()
	hook_rows()
	metadata()
	text("x86-64,core", 8192); text("arm,core", 6144)
	text("x86-64,clean", 2048); text("x86-64,debug", 2048)
	text("arm,clean", 2048); text("arm,debug", 2048)
	buffer()
}
