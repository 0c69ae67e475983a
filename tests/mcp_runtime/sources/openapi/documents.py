"""Two good documents that use most of what there is: one of Swagger 2.0, one of OpenAPI 3.0."""

from typing import Any

PET = {"$ref": "#/definitions/Pet"}
SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Pets", "version": "1", "description": "All about pets."},
    "host": "api.example.com",
    "basePath": "/v2/",
    "schemes": ["http", "https"],
    "consumes": ["application/json"],
    "produces": ["application/json"],
    "securityDefinitions": {"login": {"type": "basic"}, "key": {"type": "apiKey", "in": "query", "name": "k"}},
    "security": [{"login": []}],
    "parameters": {"page": {"name": "page", "in": "query", "type": "integer", "minimum": 0, "exclusiveMinimum": True}},
    "definitions": {
        "Pet": {
            "type": "object",
            "required": ["id", "name"],
            "properties": {
                "id": {"type": "integer", "format": "int64", "readOnly": True},
                "name": {"type": "string", "example": "Rex", "x-nullable": True},
                "mother": {"$ref": "#/definitions/Pet"},
            },
        }
    },
    "paths": {
        "/pets": {
            "get": {
                "operationId": "list pets",
                "summary": "Lists pets",
                "description": "All of them.",
                "parameters": [
                    {"$ref": "#/parameters/page"},
                    {"name": "tag", "in": "query", "type": "array", "items": {"type": "string"}},
                    {"name": "kind", "in": "query", "type": "array", "collectionFormat": "multi"},
                ],
                "responses": {"200": {"schema": {"type": "array", "items": {"$ref": "#/definitions/Pet"}}}},
            },
            "post": {
                "parameters": [
                    {"name": "pet", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Pet"}}
                ],
                "responses": {"201": {"schema": {"$ref": "#/definitions/Pet"}}},
            },
        },
        "/pets/{id}/photo": {
            "parameters": [{"name": "id", "in": "path", "required": True, "type": "string"}],
            "put": {
                "operationId": "photo",
                "consumes": ["multipart/form-data"],
                "security": [{"key": []}, {}],
                "parameters": [
                    {"name": "photo", "in": "formData", "type": "file", "required": True},
                    {"name": "note", "in": "formData", "type": "string"},
                ],
                "responses": {"204": {}},
            },
        },
    },
}

WHOLE: dict[str, Any] = {
    "openapi": "3.0.0",
    "info": {"title": "t", "description": "d"},
    "servers": [{"url": "https://{h}.example.com", "variables": {"h": {"default": "a", "enum": ["a"]}}}],
    "security": [{"key": [], "o": ["s"]}, {}],
    "paths": {
        "/a/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "servers": [{"url": "/v1"}],
            "post": {
                "operationId": "op",
                "summary": "s",
                "parameters": [
                    {"$ref": "#/components/parameters/q"},
                    {"name": "d", "in": "query", "style": "deepObject", "explode": True, "schema": {"type": "object"}},
                    {"name": "j", "in": "query", "content": {"application/json": {"schema": {}}}},
                    {"name": "X-H", "in": "header", "schema": {"type": "integer", "enum": [1]}},
                ],
                "requestBody": {
                    "content": {
                        "multipart/form-data": {
                            "schema": {"$ref": "#/components/schemas/N"},
                            "encoding": {"f": {"contentType": "text/plain", "style": "form", "explode": False}},
                        }
                    }
                },
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/N"}}}}},
                "security": [{"key": []}],
            },
        }
    },
    "components": {
        "parameters": {"q": {"name": "q", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}},
        "schemas": {
            "N": {
                "type": "object",
                "required": ["f"],
                "properties": {
                    "f": {"type": "string", "format": "binary", "nullable": True},
                    "n": {"$ref": "#/components/schemas/N"},
                    "m": {"allOf": [{"type": "number", "minimum": 1, "exclusiveMinimum": True}], "default": 2},
                    "o": {"oneOf": [{"type": "string", "pattern": "^a"}], "discriminator": {"propertyName": "k"}},
                },
                "additionalProperties": {"type": "string", "example": "x"},
            }
        },
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "o": {"type": "oauth2", "flows": {}},
        },
    },
}
