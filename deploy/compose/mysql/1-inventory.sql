-- Home Delivery's table, as the tutorial has it.
CREATE DATABASE IF NOT EXISTS inventory;
USE inventory;
CREATE TABLE customers (
  id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(500) NOT NULL,
  email VARCHAR(255) NOT NULL,
  password VARCHAR(255) NOT NULL,
  address_line_1 VARCHAR(255) NOT NULL,
  address_line_2 VARCHAR(255),
  city VARCHAR(255) NOT NULL,
  state VARCHAR(2) NOT NULL,
  zipcode VARCHAR(10) NOT NULL,
  phonenumber VARCHAR(25) NOT NULL
) AUTO_INCREMENT=1000;
INSERT INTO customers VALUES (DEFAULT, 'Matthew Groves', 'matthew.groves@couchbase.com', 'x',
  '600 Sporer Curve', NULL, 'Columbus', 'OH', '43004', '555-0100');
