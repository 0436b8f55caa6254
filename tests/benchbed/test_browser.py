"""A page opens by its address."""

import benchbed


def test_a_page_opens_by_its_absolute_address(tmp_path, monkeypatch):
    """Spaces are encoded; the result is whether a browser could be started."""
    addresses = []
    monkeypatch.setattr("webbrowser.open", addresses.append)
    assert not benchbed.open_in_browser(tmp_path / "my page.html")
    assert addresses == [f"file://{tmp_path}/my%20page.html"]
    monkeypatch.setattr("webbrowser.open", lambda address: True)
    assert benchbed.open_in_browser(tmp_path / "my page.html")
