# What is installed, and how it is packed: install, man, dist, deb. Included by the Makefile at the top.
#
# Idea: the installed program finds its scenarios, labs and guests by its own path (sim/script/find.c: ../share/ringside), so a tree under
# DESTDIR, another PREFIX or a folder that was moved afterwards works as it is. Manual pages and completions are written by the program
# itself, from the tables that parse its command line; docs/man has what needs more words, and the pages of file formats.

PREFIX   ?= /usr/local
bindir   ?= $(PREFIX)/bin
datadir  ?= $(PREFIX)/share
mandir   ?= $(datadir)/man
DATA     := $(datadir)/ringside
zshdir   ?= $(datadir)/zsh/site-functions
VERSION  := 0.1
# STAFF=no leaves out what students must not read: solutions, hidden tests, planted bugs, keys.
STAFF    ?= yes
STAFF_FILES := */labs/*/solution/* */labs/*/hidden/* */labs/*/bugs.lua */labs/*/key.txt

COMPLETIONS  := $(addprefix build/completion/ringside.,bash zsh fish)
GUEST_FILES  := $(GUEST_ELFS)

# A page for each command there is, and one for each format of files.
man: build/man/written ## write the manual pages into build/man (try: man -l build/man/ringside.1)
build/man/written: ringside $(wildcard docs/man/*) docs/package.mk
	$(Q)rm -rf build/man && mkdir -p build/man
	$(Q)page() { if [ -f docs/man/$$1.mdoc ]; then sed "/^\.\\\\\" DESCRIPTION\$$/r docs/man/$$1.mdoc"; else cat; fi; }; \
	./ringside manual | page ringside >build/man/ringside.1 && \
	for c in $$(./ringside completion words help); do ./ringside manual $$c | page $$c >build/man/ringside-$$c.1 || exit 1; done
	$(Q)cp docs/man/*.5 build/man/ && : >$@

build/completion/ringside.%: ringside
	@mkdir -p $(@D)
	$(Q)./ringside completion $* >$@

# Scenarios with labs and guests' sources (`explain port` counts them, students read them), as they lie in the tree.
INSTALLED_DATA = $(shell find scenarios -type f $(if $(filter no,$(STAFF)),$(STAFF_FILES:%=! -path '%')) | LC_ALL=C sort)
INSTALLED_DOCS = README.md LICENSE $(sort $(wildcard docs/*.md))
install: ringside guests man $(COMPLETIONS) ## install (PREFIX=/usr/local, DESTDIR=): program, lessons, guests, manual pages, completion
	$(Q)install -d '$(DESTDIR)$(bindir)' '$(DESTDIR)$(DATA)/guests' '$(DESTDIR)$(mandir)/man1' '$(DESTDIR)$(mandir)/man5' \
	    '$(DESTDIR)$(datadir)/doc/ringside' '$(DESTDIR)$(datadir)/bash-completion/completions' \
	    '$(DESTDIR)$(zshdir)' '$(DESTDIR)$(datadir)/fish/vendor_completions.d'
	$(Q)install -m 755 ringside '$(DESTDIR)$(bindir)/ringside'
	$(Q)install -m 644 $(GUEST_FILES) '$(DESTDIR)$(DATA)/guests/'
	$(Q)for f in $(INSTALLED_DATA); do install -D -m 644 "$$f" '$(DESTDIR)$(DATA)'/"$$f" || exit 1; done
	$(Q)install -m 644 build/man/*.1 '$(DESTDIR)$(mandir)/man1/'
	$(Q)install -m 644 build/man/*.5 '$(DESTDIR)$(mandir)/man5/'
	$(Q)install -m 644 $(INSTALLED_DOCS) '$(DESTDIR)$(datadir)/doc/ringside/'
	$(Q)install -m 644 build/completion/ringside.bash '$(DESTDIR)$(datadir)/bash-completion/completions/ringside'
	$(Q)install -m 644 build/completion/ringside.zsh '$(DESTDIR)$(zshdir)/_ringside'
	$(Q)install -m 644 build/completion/ringside.fish '$(DESTDIR)$(datadir)/fish/vendor_completions.d/ringside.fish'

uninstall: ## remove what `make install` with the same PREFIX and DESTDIR put there
	$(Q)rm -rf '$(DESTDIR)$(DATA)' '$(DESTDIR)$(datadir)/doc/ringside'
	$(Q)rm -f '$(DESTDIR)$(bindir)/ringside' '$(DESTDIR)$(datadir)/bash-completion/completions/ringside' \
	    '$(DESTDIR)$(zshdir)/_ringside' '$(DESTDIR)$(datadir)/fish/vendor_completions.d/ringside.fish' \
	    '$(DESTDIR)$(mandir)'/man1/ringside.1 '$(DESTDIR)$(mandir)'/man1/ringside-*.1 '$(DESTDIR)$(mandir)'/man5/ringside-*.5

deb: ## a Debian package by dpkg-buildpackage, into build/deb (from the tarball of `make dist`)
	$(SUB) dist
	$(Q)bash tests/tools/deb.sh $(VERSION)

.PHONY: man install uninstall deb

slides: ringside guests ## draw the gallery: every scenario, light and dark, with a page: docs/gallery/index.html
	$(Q)RINGSIDE=./ringside bash docs/gallery.sh docs/gallery
.PHONY: slides
