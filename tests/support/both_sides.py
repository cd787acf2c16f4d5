"""A world with both sides of the table: we owe a customer, and providers owe us (C8, C9).

June 2026 has 2,592,000 seconds: 0.1 % of it is 2,592. A provider owes 10 % below 99.9, and claims
can be made until the end of the second month after, which is 31 August.
"""

from typing import Any

from tests.conftest import Feeds, contract

AS_OF = "2026-08-31T23:59:59Z"


def ours() -> dict[str, Any]:
    """10 % below 99.9; the cloud's downtime is excluded."""
    return contract(
        "ours",
        availability={"excluded_time": "ignored"},
        monitoring={"without_checks": "up"},
        exclusions={"kinds": ["cloud_down", "third_party"]},
        credits={
            "support_plans": ["premium"],
            "availability_tiers": [{"below_pct": 99.9, "credit_pct": 10}],
        },
    )


def cloud(contract_id: str = "cloud", zone: str = "UTC", **covers: list[str]) -> dict[str, Any]:
    agreed = contract(
        contract_id,
        zone,
        availability={"excluded_time": "ignored"},
        monitoring={"without_checks": "up"},
        exclusions={"kinds": ["force_majeure"]},
        credits={
            "support_plans": ["standard"],
            "availability_tiers": [{"below_pct": 99.9, "credit_pct": 10}],
            "claim_months": 2,
            "claim_days": 0,
        },
    )
    return agreed | {"party": "customer", "covers": covers}


AGREED = {
    "ours": ours(),
    "cloud": cloud(cloud_down=["eu", "at", "below", "both", "none"]),
    # where September has begun
    "east": cloud("east", "Asia/Kolkata", cloud_down=["east"]),
}


def world() -> Feeds:
    feeds: Feeds = {
        name: []
        for name in (
            "services",
            "components",
            "outages",
            "exclusions",
            "customers",
            "subscriptions",
            "invoices",
            "invoice_lines",
        )
    }
    for customer in ("buyer", "ourselves"):
        feeds["customers"].append({"customer_id": customer, "name": customer})
        feeds["invoices"].append(
            {"invoice_id": f"of-{customer}", "customer_id": customer, "status": "issued"}
        )
    for service, contract_id in (("chat", "ours"), ("azure", "cloud"), ("azure-east", "east")):
        feeds["services"].append(
            {"service_id": service, "name": service, "contract_id": contract_id, "lifecycle": "ga"}
        )

    def sold(service: str, region: str, plan: str, customer: str, fee: str) -> None:
        name = f"{service}-{region}"
        feeds["components"].append(
            {
                "component_id": name,
                "service_id": service,
                "region": region,
                "environment": "production",
            }
        )
        feeds["subscriptions"].append(
            {
                "subscription_id": name,
                "customer_id": customer,
                "service_id": service,
                "region": region,
                "support_plan": plan,
                "kind": "paid",
                "status": "active",
                "valid_from": "2026-06-01",
            }
        )
        feeds["invoice_lines"].append(
            {
                "line_id": name,
                "invoice_id": f"of-{customer}",
                "subscription_id": name,
                "line_kind": "recurring",
                "period_start": "2026-06-01",
                "period_end": "2026-06-30",
                "amount": fee,
                "currency": "EUR",
            }
        )

    sold("chat", "eu", "premium", "buyer", "1000.00")
    for region in ("eu", "at", "below", "both"):
        sold("azure", region, "standard", "ourselves", "300.00")
    sold("azure-east", "east", "standard", "ourselves", "300.00")

    def outage(
        name: str,
        start: str,
        end: str,
        component: str = "chat-eu",
        state: str = "down",
        **more: str,
    ) -> None:
        row = {"outage_id": name, "component_id": component, "state": state, **more}
        times = {"started_at": start, "ended_at": end}
        feeds["outages"].append({**row, **times})

    def excluded(name: str, region: str, start: str, end: str, **more: str) -> None:
        row = {"exclusion_id": name, "kind": "cloud_down", "region": region}
        feeds["exclusions"].append({**row, "starts_at": start, "ends_at": end, **more})

    # what the cloud has credited to us
    credited = {"line_id": "credit", "line_kind": "credit", "amount": "-30.00"}
    of_azure = next(r for r in feeds["invoice_lines"] if r["line_id"] == "azure-eu")
    feeds["invoice_lines"].append(of_azure | credited)

    # down for five hours: four of them with the cloud, one by our own fault
    outage("O-1", "2026-06-10T08:00:00Z", "2026-06-10T13:00:00Z", incident_id="INC-1")
    excluded("X-1", "eu", "2026-06-10T08:00:00Z", "2026-06-10T12:00:00Z")
    # exactly 0.1 % of June, and a second more
    excluded("X-2", "at", "2026-06-10T08:00:00Z", "2026-06-10T08:43:12Z")
    excluded("X-3", "below", "2026-06-10T08:00:00Z", "2026-06-10T08:43:13Z")
    # a record of the provider itself adds a second, and one during the exclusion nothing
    excluded("X-8", "both", "2026-06-10T08:00:00Z", "2026-06-10T08:43:12Z")
    outage("O-2", "2026-06-10T08:43:12Z", "2026-06-10T08:43:13Z", "azure-both")
    outage("O-3", "2026-06-10T08:10:00Z", "2026-06-10T08:20:00Z", "azure-both")
    # all are watched from the first of June on
    for component in [row["component_id"] for row in feeds["components"]]:
        since = "2026-05-31T18:00:00Z"
        outage(f"up-{component}", since, since.replace("00Z", "01Z"), component, "up")
    excluded("X-4", "east", "2026-06-10T08:00:00Z", "2026-06-10T12:00:00Z")
    # of no effect: another kind, another region, no component there
    excluded("X-5", "below", "2026-06-11T08:00:00Z", "2026-06-11T12:00:00Z", kind="third_party")
    excluded("X-6", "elsewhere", "2026-06-11T08:00:00Z", "2026-06-11T12:00:00Z")
    excluded("X-7", "none", "2026-06-11T08:00:00Z", "2026-06-11T12:00:00Z")
    return feeds
