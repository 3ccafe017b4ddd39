"""Pages for people name files, targets and links that are there."""

import re
from pathlib import Path

import pytest

from crier.demo.routes import PREFERRED, SHARED

ROOT = Path(__file__).parents[2]
PAGES = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]

every_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


@every_page
def test_its_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


@every_page
def test_the_files_it_names_are_there(page: Path):
    rooms = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != ".")
    for name in re.findall(rf"`((?:{rooms})/[\w./-]*)`", page.read_text()):
        assert (ROOT / name).exists(), name


@every_page
def test_the_make_targets_it_names_are_there(page: Path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", page.read_text())) <= targets


def test_every_provider_has_a_page_and_the_index_leads_to_it():
    channels = (ROOT / "docs/channels/README.md").read_text()
    pages = {path.stem for path in (ROOT / "docs/channels").glob("*.md")} - {"README"}
    assert pages == set(re.findall(r"\]\((\w[\w-]*)\.md(?:#[\w-]*)?\)", channels)), "the index names every page"
    # That the demo sends through every provider there is, another test sees to.
    turns = {(channel, vendor) for table in (PREFERRED, SHARED) for channel, names in table.items() for vendor in names}
    for channel, vendor in turns:
        assert pages & {vendor, f"{vendor}-{channel}"}, f"docs/channels/{vendor}.md is missing"
