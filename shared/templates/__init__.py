"""Templates: a folder of files becomes a bundle, a bundle becomes a compiled template, data becomes content.

catalogue.py   the folders of an installation      → Bundle
bundle.py      all files of one version             → what the ledger stores, with its checksum
manifest.py    template.toml                        → kind, variables, sample
variables.py   declared types                       → checks what callers send, reads what was stored
compiled.py    compile_bundle(bundle)               → Template.check, Template.render
locales.py     folders of languages                → which of them a recipient gets
form.py        one language of a template          → the content of a channel
program.py     its Jinja2 files as a whole         → errors by file and line
sandbox.py     the Jinja2 environment they run in; operators.py is what it offers,
               limits.py and metered.py what it may cost
formats.py     money, dates and plurals as the recipient writes them; plurals.py finds forms that are missing
inline.py      the stylesheet, written into the tags once, when a template is compiled
pdf.py         attachments set by typst
stranger.py    where an upload runs first: a child process with limits
"""
