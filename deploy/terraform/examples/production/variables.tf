variable "region" {
  description = "Where the database is."
  type        = string
}

variable "vpc_id" {
  description = "The network that the database is in."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, with a way out: a NAT gateway, or endpoints."
  type        = list(string)
}

variable "bucket" {
  description = "A name for the bucket: the world's buckets share one room for names."
  type        = string
}

variable "image" {
  description = "The image of dataops with your configuration: see docs/deploy.md."
  type        = string
}

variable "secrets" {
  description = "Variables whose values are in secrets of the name dataops/VARIABLE."
  type        = set(string)
  default     = ["DATABASE_URL"]
}

variable "reader_principals" {
  description = "ARNs of who may fetch backups."
  type        = list(string)
  default     = []
}
