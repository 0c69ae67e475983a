"""Tools out of OpenAPI documents: Swagger 2.0 and OpenAPI 3."""
