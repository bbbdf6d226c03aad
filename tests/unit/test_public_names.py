"""`import iceb`: the public names are seen before they are imported, and each is there."""

import iceb


def test_dir_shows_every_public_name_and_no_private_one():
    assert set(iceb.__all__) <= set(dir(iceb))
    assert "__version__" in dir(iceb)
    assert not [name for name in dir(iceb) if name not in iceb.__all__ and not name.startswith("__")]


def test_every_public_name_can_be_imported():
    found = {name: getattr(iceb, name) for name in iceb.__all__}
    assert all(each.__name__ == name for name, each in found.items() if isinstance(each, type) and name != "Schedule")
