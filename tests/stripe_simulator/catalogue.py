"""What is sold: products, prices, coupons, promotion codes."""

from decimal import Decimal
from typing import Any

import stripe
from stripe import params

from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.faults import invalid
from tests.stripe_simulator.routing import Request, readable, route
from tests.stripe_simulator.shapes import Object, listed, shaped

ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"]
)
CURRENCIES = ZERO_DECIMAL | frozenset(["usd", "eur", "gbp", "chf", "cad", "aud", "sek", "nok", "dkk", "pln"])

readable("product", "/v1/products", params.ProductRetrieveParams, params.ProductListParams, ("active",))
readable("coupon", "/v1/coupons", params.CouponRetrieveParams, params.CouponListParams)
readable(
    "promotion_code", "/v1/promotion_codes", params.PromotionCodeRetrieveParams, params.PromotionCodeListParams,
    ("active", "code"),
)  # fmt: skip


def changed(account: Account, made: Object, given: dict[str, Any], event: str | None = None) -> Object:
    """Sets fields of an object as an update says, metadata key by key; tells of it where anything changed."""
    before = dict(made)
    given = {name: value for name, value in given.items() if name != "expand"}
    if "metadata" in given:
        given["metadata"] = merged(made["metadata"], given["metadata"])
    made.update({name: None if value == "" else value for name, value in given.items()})
    if "updated" in made:
        made["updated"] = account.now()
    if event and before != made:
        account.emit(event, made, before=before)
    return made


def merged(known: dict[str, str], given: Any) -> dict[str, str]:
    """Metadata with what was given: an empty value takes a key away, an empty whole takes all."""
    if given == "":
        return {}
    return {name: value for name, value in (known | given).items() if value != ""}


def plain(params: dict[str, Any], *leave: str) -> dict[str, Any]:
    """Parameters that are fields of the object as they are."""
    return {name: value for name, value in params.items() if name not in {"expand", *leave} and value != ""}


def currency_of(given: str) -> str:
    """A currency. Raises Fault for one that there is none of."""
    if given.lower() not in CURRENCIES:
        raise invalid(f"Invalid currency: {given}", param="currency")
    return given.lower()


@route("POST", "/v1/products", params.ProductCreateParams)
def product_create(request: Request) -> Object:
    """A product; with `default_price_data` its price too."""
    account, given = request.account, plain(request.params, "default_price_data", "tax_code")
    if given.get("id") in account.objects:
        raise invalid("Product already exists.", param="id", code="resource_already_exists")
    given = {"active": True, "type": "service"} | given
    product = account.make(stripe.Product, at=None, updated=account.now(), **given)
    account.emit("product.created", product)
    return product


@route("POST", "/v1/products/{}", params.ProductUpdateParams)
def product_update(request: Request) -> Object:
    """Changes it."""
    product = request.account.get("product", request.ids[0])
    return changed(request.account, product, request.params, "product.updated")


@route("POST", "/v1/prices", params.PriceCreateParams)
def price_create(request: Request) -> Object:
    """A price: once or recurring, per unit or by tiers, licensed or of a meter."""
    account, given = request.account, request.params
    account.named("product", given.get("product"), "product")
    amounts = _tiered(given) if given.get("billing_scheme") == "tiered" else _per_unit(given)
    rest = plain(given, "recurring", "tiers", "unit_amount", "unit_amount_decimal", "transfer_lookup_key", "currency")
    rest |= amounts | {"currency": currency_of(given["currency"]), "active": given.get("active", True)}
    _take_lookup_key(account, given)
    recurring = _recurring(account, given["recurring"]) if "recurring" in given else None
    price = account.make(
        stripe.Price, **({"billing_scheme": "per_unit", "tax_behavior": "unspecified"} | rest),
        recurring=recurring, type="recurring" if recurring else "one_time",
    )  # fmt: skip
    account.emit("price.created", price)
    return price


def _per_unit(given: dict[str, Any]) -> Object:
    if "unit_amount_decimal" in given:
        amount = Decimal(given["unit_amount_decimal"])
    elif "unit_amount" in given:
        amount = Decimal(given["unit_amount"])
    else:
        raise invalid("You must specify either `unit_amount` or `unit_amount_decimal`.", param="unit_amount")
    return _amounts(amount, "unit_amount")


def _amounts(amount: Decimal, name: str) -> Object:
    if amount < 0:
        raise invalid("Invalid non-negative integer", param=name, code="parameter_invalid_integer")
    if -amount.as_tuple().exponent > 12:  # type: ignore[operator]  # finite: NaN was refused as a parameter
        raise invalid("Invalid decimal: at most 12 decimal places", param=f"{name}_decimal")
    whole = int(amount) if amount == int(amount) else None
    return {name: whole, f"{name}_decimal": format(amount.normalize(), "f")}


def _tiered(given: dict[str, Any]) -> Object:
    if "tiers_mode" not in given or not given.get("tiers"):
        raise invalid("Tiered prices need `tiers_mode` and `tiers`.", param="tiers")
    tiers = [_tier(tier) for tier in given["tiers"]]
    ends = [tier["up_to"] for tier in tiers]
    if ends[-1] is not None or None in ends[:-1] or ends[:-1] != sorted(set(ends[:-1])):
        raise invalid("Tiers have to ascend, and the last goes up to `inf`.", param="tiers")
    return {"tiers": tiers, "tiers_mode": given["tiers_mode"], "unit_amount": None, "unit_amount_decimal": None}


def _tier(given: dict[str, Any]) -> Object:
    unit = Decimal(given.get("unit_amount_decimal", given.get("unit_amount", 0)))
    flat = Decimal(given.get("flat_amount_decimal", given.get("flat_amount", 0)))
    return {
        "up_to": None if given["up_to"] == "inf" else int(given["up_to"]),
        **_amounts(unit, "unit_amount"),
        **_amounts(flat, "flat_amount"),
    }


def _recurring(account: Account, given: dict[str, Any]) -> Object:
    meter = given.get("meter")
    if meter:
        account.named("billing.meter", meter, "recurring[meter]")
    metered = given.get("usage_type") == "metered"
    if metered and not meter:
        raise invalid("Metered prices need a meter.", param="recurring[meter]")
    return shaped(
        stripe.Price.Recurring, interval=given["interval"], interval_count=given.get("interval_count", 1),
        usage_type=given.get("usage_type", "licensed"), meter=meter,
    )  # fmt: skip


def _take_lookup_key(account: Account, given: dict[str, Any]) -> None:
    if not (key := given.get("lookup_key")):
        return
    for other in account.all("price", lookup_key=key):
        if not given.get("transfer_lookup_key"):
            raise invalid(f"A price (`{other['id']}`) already uses that lookup key.", param="lookup_key")
        other["lookup_key"] = None


@route("POST", "/v1/prices/{}", params.PriceUpdateParams)
def price_update(request: Request) -> Object:
    """Changes what of a price can change."""
    price = request.account.get("price", request.ids[0])
    _take_lookup_key(request.account, request.params)
    rest = {name: value for name, value in request.params.items() if name != "transfer_lookup_key"}
    return changed(request.account, price, rest, "price.updated")


@route("GET", "/v1/prices/{}", params.PriceRetrieveParams)
def price_retrieve(request: Request) -> Object:
    """One price."""
    return request.account.get("price", request.ids[0])


@route("GET", "/v1/prices", params.PriceListParams)
def price_list(request: Request) -> Object:
    """Prices by product, lookup keys and whether they are active."""
    given = request.params
    found = [
        price
        for price in request.account.all("price")
        if price["active"] == given.get("active", price["active"])
        and price["product"] == given.get("product", price["product"])
        and ("lookup_keys" not in given or price["lookup_key"] in given["lookup_keys"])
    ]
    return listed(found[::-1][: given.get("limit", 10)], request.path, has_more=len(found) > given.get("limit", 10))


@route("POST", "/v1/coupons", params.CouponCreateParams)
def coupon_create(request: Request) -> Object:
    """A coupon: a share or an amount off, once, for some months or for ever."""
    account, given = request.account, plain(request.params)
    if ("percent_off" in given) == ("amount_off" in given):
        raise invalid("You must specify either `percent_off` or `amount_off`.", param="percent_off")
    if given.get("percent_off") is not None and not 0 < given["percent_off"] <= 100:
        raise invalid("`percent_off` must be above 0 and at most 100.", param="percent_off")
    given.setdefault("duration", "once")
    if (given["duration"] == "repeating") != ("duration_in_months" in given):
        raise invalid("`duration_in_months` is for `repeating`.", param="duration_in_months")
    coupon = account.make(stripe.Coupon, valid=True, times_redeemed=0, **given)
    account.emit("coupon.created", coupon)
    return coupon


@route("POST", "/v1/promotion_codes", params.PromotionCodeCreateParams)
def promotion_code_create(request: Request) -> Object:
    """What a customer types to get a coupon."""
    account, given = request.account, plain(request.params, "promotion", "restrictions")
    promotion = request.params["promotion"]
    coupon = account.named("coupon", promotion.get("coupon"), "promotion[coupon]")
    given.setdefault("code", coupon["id"].upper())
    given.setdefault("active", True)
    return account.make(
        stripe.PromotionCode, promotion={"type": "coupon", "coupon": coupon["id"]}, times_redeemed=0,
        restrictions=shaped(stripe.PromotionCode.Restrictions), **given,
    )  # fmt: skip
