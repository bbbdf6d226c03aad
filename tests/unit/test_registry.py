"""Names come by entry point, late; a wrong name, a twin and a broken plugin each get one clear line."""

from importlib.metadata import EntryPoint

import pytest

from iceb import registry
from iceb.base.errors import SpecError


class Distribution:
    def __init__(self, name, version):
        self.name, self.version = name, version


def entry(name, place, package="other", version="1.0", group="iceb.methods"):
    found = EntryPoint(name, place, group)
    object.__setattr__(found, "dist", Distribution(package, version))
    return found


@pytest.fixture
def entries(monkeypatch):
    """Replaces what is installed by a list the test fills."""
    found = []
    monkeypatch.setattr(registry, "entry_points", lambda group: [e for e in found if e.group == group])
    return found


def test_built_in_objects_are_registered_like_third_party_ones():
    names = {found.name: found for found in registry.entries_of("methods")}
    assert names["emcid"].package == "iceb"
    assert {"unedited", "prompt_swap", "negative_prompt"} <= set(names)


def test_a_wrong_name_suggests_the_nearest(entries):
    entries.append(entry("emcid", "m:E"))
    with pytest.raises(SpecError, match=r"unknown method 'emcdi': did you mean emcid\?"):
        registry.find("methods", "emcdi")


def test_nothing_is_imported_by_listing(entries):
    entries.append(entry("broken", "no_such_module:Thing"))
    assert [found.name for found in registry.entries_of("methods")] == ["broken"]


def test_a_plugin_that_cannot_be_imported_is_reported_with_its_package(entries):
    entries.append(entry("broken", "no_such_module:Thing", "their-package", "0.3"))
    with pytest.raises(SpecError, match=r"method broken of their-package 0\.3 cannot be imported .*no_such_module"):
        registry.load("methods", "broken")


def test_two_packages_with_one_name_are_both_named(entries):
    entries += [entry("uce2", "math:sin", "uce-fork"), entry("uce2", "math:cos", "uce-again")]
    with pytest.raises(SpecError, match="registered by 2 packages: ask for uce-again/uce2 or uce-fork/uce2"):
        registry.find("methods", "uce2")
    assert registry.find("methods", "uce-fork/uce2").place == "math:sin"
    assert [*map(registry.shortest_name, registry.entries_of("methods"))] == ["uce-again/uce2", "uce-fork/uce2"]


def test_a_built_in_name_cannot_be_taken_over(entries):
    entries += [entry("uce", "math:cos", "a-fork"), entry("uce", "math:sin", "iceb"), entry("uce", "math:tan", "fork")]
    assert registry.find("methods", "uce").package == "iceb"
    assert registry.find("methods", "a-fork/uce").place == "math:cos"
    assert [*map(registry.shortest_name, registry.entries_of("methods"))] == ["a-fork/uce", "fork/uce", "uce"]


def test_a_name_like_a_full_name_does_not_shadow_ours(entries):
    entries += [entry("iceb/uce", "math:cos", "evil"), entry("uce", "math:sin", "iceb")]
    assert registry.find("methods", "iceb/uce").package == "iceb"


def test_a_package_that_registers_a_name_twice_must_choose(entries):
    entries += [entry("twice", "math:sin"), entry("twice", "math:cos")]
    with pytest.raises(SpecError, match="registered by package other more than once: it must choose math:"):
        registry.find("methods", "twice")


def test_one_package_found_twice_on_the_path_is_one(entries):
    entries += [entry("uce", "math:sin", "iceb"), entry("uce", "math:sin", "iceb")]
    assert registry.find("methods", "uce").package == "iceb"


def test_an_object_that_is_not_what_its_group_needs_is_refused(entries):
    entries.append(entry("sine", "math:sin"))
    with pytest.raises(SpecError, match="lacks card, edit"):
        registry.load("methods", "sine")
