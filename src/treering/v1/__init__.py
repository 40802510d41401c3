"""Generated Protobuf code: treering's options (``options_pb2``) and the stored form of a schema (``schema_pb2``)."""
