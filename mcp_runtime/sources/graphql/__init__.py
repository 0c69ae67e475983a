"""GraphQL services: the operations that their author allows become tools, and nothing else can be asked."""
