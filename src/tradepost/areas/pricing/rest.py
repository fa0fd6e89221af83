"""REST routes of pricing."""

from litestar import Controller

from tradepost.doors.rest import RestRequest, delete, get, patch, post, put
from tradepost.kit.query.records import Page, Record

from .schemas import ShippingMethod, ShippingMethodInput, TaxRate, TaxRateInput
from .service import ShippingMethods, TaxRates


class TaxRateController(Controller):
    """Tax rates."""

    path, tags = "/tax-rates", ["Tax rates"]

    @get("/", TaxRates.list)
    async def tax_rates(self, request: RestRequest) -> Page[TaxRate]:
        return await TaxRates(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", TaxRates.get)
    async def tax_rate(self, request: RestRequest, key: str) -> Record[TaxRate]:
        return await TaxRates(request.context).get(key, request.selection)

    @post("/", TaxRates.create)
    async def tax_rate_create(self, request: RestRequest) -> Record[TaxRate]:
        return await TaxRates(request.context).create(await request.body(TaxRateInput), request.selection)

    @put("/{key:str}", TaxRates.replace)
    async def tax_rate_replace(self, request: RestRequest, key: str) -> Record[TaxRate]:
        return await TaxRates(request.context).replace(
            key, await request.body(TaxRateInput), request.expected_version, request.selection
        )

    @patch("/{key:str}", TaxRates.update)
    async def tax_rate_update(self, request: RestRequest, key: str) -> Record[TaxRate]:
        return await TaxRates(request.context).update(
            key, await request.patch(), request.expected_version, request.selection
        )

    @delete("/{key:str}", TaxRates.delete)
    async def tax_rate_delete(self, request: RestRequest, key: str) -> Record[TaxRate]:
        return await TaxRates(request.context).delete(key, request.expected_version, request.selection)


class ShippingMethodController(Controller):
    """Shipping methods."""

    path, tags = "/shipping-methods", ["Shipping methods"]

    @get("/", ShippingMethods.list)
    async def shipping_methods(self, request: RestRequest) -> Page[ShippingMethod]:
        return await ShippingMethods(request.context).list(request.list_query, request.selection)

    @get("/{key:str}", ShippingMethods.get)
    async def shipping_method(self, request: RestRequest, key: str) -> Record[ShippingMethod]:
        return await ShippingMethods(request.context).get(key, request.selection)

    @post("/", ShippingMethods.create)
    async def shipping_method_create(self, request: RestRequest) -> Record[ShippingMethod]:
        return await ShippingMethods(request.context).create(await request.body(ShippingMethodInput), request.selection)

    @put("/{key:str}", ShippingMethods.replace)
    async def shipping_method_replace(self, request: RestRequest, key: str) -> Record[ShippingMethod]:
        return await ShippingMethods(request.context).replace(
            key, await request.body(ShippingMethodInput), request.expected_version, request.selection
        )

    @patch("/{key:str}", ShippingMethods.update)
    async def shipping_method_update(self, request: RestRequest, key: str) -> Record[ShippingMethod]:
        return await ShippingMethods(request.context).update(
            key, await request.patch(), request.expected_version, request.selection
        )

    @delete("/{key:str}", ShippingMethods.delete)
    async def shipping_method_delete(self, request: RestRequest, key: str) -> Record[ShippingMethod]:
        return await ShippingMethods(request.context).delete(key, request.expected_version, request.selection)
