"""gRPC services: the methods that they describe themselves, or an uploaded descriptor set does, become tools."""
