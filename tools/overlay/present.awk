# SPDX-License-Identifier: GPL-2.0
#
# Leaves out of Kconfig.dma-coherent and of Makefiles what is not there yet.
#
#	awk -v root=DIR -v dir=DIR-OF-MAKEFILE -f present.awk MAKEFILE
#	awk -v absent="SYMBOL..." -f present.awk KCONFIG
#
# A Makefile loses each line that builds an object of ours without a source below
# ROOT; symbols that have no other line go to standard error. A Kconfig loses the
# blocks of absent symbols, and of those that depend on them.

function exists(file,	line, there)
{
	there = (getline line < file) >= 0
	close(file)
	return there
}

function flush()
{
	if (block != "" && !gone)
		printf "%s", block
	block = ""
	gone = 0
}

BEGIN {
	n = split(absent, names, " ")
	for (i = 1; i <= n; i++)
		missing[names[i]] = 1
}

dir != "" {
	lost = 0
	if (/^obj-.*[ \t]dma-coherent/)
		for (i = 3; i <= NF; i++) {
			source = $i
			sub(/\.o$/, ".c", source)
			if (!exists(root "/" dir "/" source))
				lost = 1
		}
	if (!lost)
		print
	if (match($0, /CONFIG_[A-Z_]+/)) {
		if (lost)
			without[substr($0, RSTART + 7, RLENGTH - 7)] = 1
		else
			built[substr($0, RSTART + 7, RLENGTH - 7)] = 1
	}
	next
}

# What is said of a symbol goes with it.
/^(config|if|endif|#)/ && block !~ /^(#[^\n]*\n)+$/ { flush() }
/^config/ { gone = $2 in missing; name = $2 }
/^[ \t]+depends on/ {
	for (i = 3; i <= NF; i++)
		if ($i in missing) {
			gone = 1
			missing[name] = 1
		}
}
{ block = block $0 "\n" }
END {
	flush()
	for (name in without)
		if (!(name in built))
			print name >"/dev/stderr"
}
