"""A delivery that the landing gate refuses, through the real gate: the page is there, the address is told."""

from datetime import date

import pytest
from rich.console import Console

from roundtrip import stages
from roundtrip.company import Company
from roundtrip.errors import GateFailed
from roundtrip.local import run_locally
from roundtrip.notify.settings import VARIABLE
from tests.receiver import PASSWORD, Receiver

AS_OF = date(2025, 6, 30)
SECRET = "ann.secret@example.com"


def test_a_refused_delivery_is_told_once_and_shown(home, tmp_path, monkeypatch):
    for table in ("customers", "bookings"):
        (tmp_path / "landing" / table).mkdir(parents=True)
    (tmp_path / "landing/customers/c.csv").write_text(
        f"customer_id,registered_at,city,email\ncust-secret,2025-06-01,{SECRET},{SECRET}\n"
    )
    rows = "".join(f"b{n},cust-secret,2025-06-02,boat,completed\n" for n in range(9))
    (tmp_path / "landing/bookings/b.csv").write_text(
        f"booking_id,customer_id,booked_at,service_line,status\n{rows}"
        "b9,cust-secret,2025-06-02,hotel,completed\n"
    )
    Company.describe(tmp_path / "landing", None).save(home)
    # The road as far as the gate; what is behind it must not be reached.
    monkeypatch.setattr("roundtrip.local.STAGES", stages.STAGES[:3])
    with Receiver() as receiver:
        monkeypatch.setenv(VARIABLE, receiver.address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        for _ in range(2):
            with pytest.raises(GateFailed):
                run_locally(home, AS_OF, Console(quiet=True))
        (message,) = receiver.messages
    assert "landing_gate stopped the run" in message["title"]
    assert "bookings.quarantined_share" in message["message"]
    assert "more refused than accepted rows" in message["message"]
    assert "secret" not in str(message)
    page = (home.reports_dir / f"runs/{AS_OF}.en.html").read_text(encoding="utf-8")
    assert "The run stopped at" in page
    assert "is not one of the contract&#39;s values" in page
    assert "secret" not in page
    assert not home.raw_db.exists()
    assert PASSWORD not in "".join(
        file.read_text(encoding="utf-8", errors="ignore") for file in home.root.rglob("*") if file.is_file()
    )
